use serde_json::json;

use super::*;
use crate::governance::value::from_json;

#[track_caller]
fn gives(format: &str, arguments: serde_json::Value, expected: &str) {
    let arguments: Vec<Value> = arguments.as_array().unwrap().iter().map(from_json).collect();
    assert_eq!(sprintf(format, &arguments).unwrap(), expected);
}

#[test]
fn a_short_format_makes_no_long_text() {
    let long = "%999[1]d".repeat(2000);
    for format in ["%01000d", "%.[1]2000000d", "%0*d", &long] {
        let outcome = sprintf(format, &[Value::from(5000), Value::from(1)]);
        assert!(matches!(outcome, Err(Unable::TooMuch(_))), "{}", &format[..6]);
    }
}

// The expectations are what OPA 1.17 gives.
#[test]
fn formats_are_those_of_go() {
    gives("%v <%v>", json!(["a", 2]), "a <2>");
    gives("%s|%d|%v", json!([1, "a", true]), "%!s(int=1)|%!d(string=a)|true");
    gives("%v", json!([]), "%!v(MISSING)");
    gives("x", json!([1, "b"]), "x%!(EXTRA int=1, string=b)");
    gives("100%", json!([]), "100%!(NOVERB)");
    gives("100%% %5d|%-5d|%05d|%+d", json!([7, 7, -7, 7]), "100%     7|7    |-0007|+7");
    gives(
        "%x %X %o %b %c %U %#x",
        json!([255, 255, 8, 5, 65, 65, 255]),
        "ff FF 10 101 A U+0041 0xff",
    );
    gives("%v %v %v", json!([1.5, 1e21, 0.000_001]), "1.5 1e+21 1e-06");
    gives(
        "%f %.2f %e %.3g",
        json!([1.5, 1.005, 12345.678, 1234.5678]),
        "1.500000 1.00 1.234568e+04 1.23e+03",
    );
    gives("%d %s", json!([1.5, 2.5]), "%!d(float64=1.5) %!s(float64=2.5)");
    gives("%q %5s|%-5s|%.2s", json!(["a\"b", "x", "x", "xyz"]), "\"a\\\"b\"     x|x    |xy");
    gives("%T %T %T", json!([1, 1.5, [1]]), "int float64 string");
    gives("%*d", json!([5, 7]), "    7");
    gives("%06s|%5v|%t", json!(["ab", true, true]), "0000ab| true|%!t(string=true)");
    gives(
        "%v %v %s",
        json!([1.0, 18_446_744_073_709_551_615_u64, null]),
        "1 18446744073709551615 null",
    );
    gives(
        "%[2]v %[1]v %v|%[3]*.[2]*[1]f|%[5]d",
        json!([1.5, 2, 7]),
        "2 1.5 2|   1.50|%!d(BADINDEX)",
    );
    gives("%+v %+d %x %b", json!([1, 1, 1.5, 1.5]), "1 +1 0x1.8p+00 6755399441055744p-52");
    gives(
        "%v %.2f %5t",
        json!([123_456_789.5, 1, true]),
        "1.234567895e+08 %!f(int=01) %!t(string= true)",
    );
    gives("%*d %.*f", json!(["a", 1, -1, 1.5]), "%!(BADWIDTH)1 %!(BADPREC)1.500000");
    gives("%+q %#q %# x %#U", json!(["é", "a", "ab", 233]), "\"\\u00e9\" `a` 0x61 0x62 U+00E9 'é'");
}
