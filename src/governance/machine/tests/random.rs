//! Programs made by chance, run by both engines. `LOADLINE_PROGRAMS`, when the tests are compiled, says how many; a few by
//! default.

use super::*;

/// A small generator of numbers, so that each program can be made again from its seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }
}

/// Writes statements. Variables are numbered, so that none is declared twice.
struct Writer {
    chance: Chance,
    count: usize,
    /// Whether there are rules with references as heads.
    has_documents: bool,
}

impl Writer {
    fn fresh(&mut self) -> String {
        self.count += 1;
        format!("v{}", self.count)
    }

    fn variable(&mut self, known: &[String]) -> String {
        if known.is_empty() || self.chance.below(4) == 0 {
            return self
                .chance
                .pick(&["1", "2", "\"a\"", "null", "false", "[1]", "input.xs[0]"])
                .to_owned();
        }
        known[self.chance.below(known.len())].clone()
    }

    fn value(&mut self, known: &[String], depth: usize) -> String {
        let one = self.variable(known);
        let other = self.variable(known);
        match self.chance.below(if depth == 0 { 12 } else { 17 }) {
            0..=2 => one,
            3 => "input.xs".to_owned(),
            4 => format!("input.map[{one}]"),
            5 => format!("{one} + {other}"),
            6 => format!("count({one})"),
            7 => format!("to_number({one})"),
            8 => format!("f({one})"),
            9 => format!("g({one}, {other})"),
            10 => format!("[{one}, {other}]"),
            11 if self.has_documents => {
                let name =
                    self.chance.pick(&["d", "d[_]", "d[2]", "e", "e[1].a", "o", "o.b", "o.c[_]"]);
                if self.chance.below(4) == 0 { format!("count({name})") } else { name.to_owned() }
            }
            11 => self
                .chance
                .pick(&["p", "q", "s", "input.same[_].v", "input.absent", "t"])
                .to_owned(),
            12 | 13 => {
                let (mut inner, mut names) = (String::new(), known.to_vec());
                self.statements(&mut names, &mut inner, depth - 1);
                // What stands before `|` is a term, or OPA takes both sides for a union.
                let value = match self.value(&names, depth - 1) {
                    value if value.contains(" + ") => format!("({value})"),
                    value => value,
                };
                let (open, close) = if self.chance.below(2) == 0 { ('[', ']') } else { ('{', '}') };
                format!("{open}{value} | {inner}{close}")
            }
            14 => format!("h({one})"),
            15 => format!("{{{one}, {other}}}"),
            _ => format!("k({one})"),
        }
    }

    /// One to three statements.
    fn statements(&mut self, known: &mut Vec<String>, out: &mut String, depth: usize) {
        for number in 0..=self.chance.below(3) {
            if number > 0 {
                out.push_str("; ");
            }
            let value = self.value(known, depth);
            let other = self.value(known, depth);
            let statement = match self.chance.below(12) {
                0..=2 => {
                    let name = self.fresh();
                    let statement = format!("{name} := {value}");
                    known.push(name);
                    statement
                }
                3 | 4 => {
                    let name = self.fresh();
                    let list = self.chance.pick(&[
                        "input.xs",
                        "[1, \"a\", 2]",
                        "s",
                        "input.map",
                        "{1, 3}",
                    ]);
                    let statement = format!("some {name} in {list}; {name} == {name}");
                    known.push(name);
                    statement
                }
                5 => format!("not {value}"),
                6 => format!("not {value} == {other}"),
                7 if depth > 0 => {
                    let name = self.fresh();
                    let mut names = known.clone();
                    names.push(name.clone());
                    let mut inner = String::new();
                    self.statements(&mut names, &mut inner, depth - 1);
                    format!("every {name} in input.xs {{ {name} == {name}; {inner} }}")
                }
                8 | 9 => {
                    // The engine has sets in front of objects, OPA behind them.
                    let signs = if self.has_documents { 2 } else { 4 };
                    let sign = self.chance.pick(&["==", "!=", "<", ">="][..signs]);
                    format!("{value} {sign} {other}")
                }
                10 => format!("{value} in {other}"),
                _ => value,
            };
            out.push_str(&statement);
        }
    }

    fn body(&mut self, known: &[&str]) -> (String, Vec<String>) {
        let mut names: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
        let mut body = String::new();
        self.statements(&mut names, &mut body, 2);
        (body, names)
    }
}

fn program(seed: u64) -> String {
    let mut writer = Writer {
        chance: Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        count: 0,
        has_documents: false,
    };
    let mut rules = String::from(
        "f(x) := 1 if x == 1\nf(x) := 2 if x == 2\ng(_, y) := y\nh(x) := 5 if { x == 7 } else := x if { x != 1 }\n\
        k(x) := y if { some y in input.xs; y == x } else := 0 if { x != \"a\" }\n\
        p := 3 if input.xs\nq := 1 if input.absent\ns contains x if some x in input.xs\nt if input.map.a == 1\n",
    );
    if seed.is_multiple_of(3) {
        for head in [
            "d[K] contains V",
            "e[K].a := V",
            "e[K].b contains V",
            "o.a := 1",
            "o.b[K] := V",
            "o.c[K] contains V",
        ] {
            let (body, mut names) = writer.body(&[]);
            let key = writer.fresh();
            names.push(key.clone());
            let head = head.replace('K', &key).replace('V', &writer.variable(&names));
            rules.push_str(&format!(
                "{head} if {{ {body}; some {key} in input.xs; {key} == {key} }}\n"
            ));
        }
        writer.has_documents = true;
    }
    for _ in 0..2 {
        let (body, names) = writer.body(&[]);
        let value = writer.variable(&names);
        rules.push_str(&format!("r contains {value} if {{ {body} }}\n"));
    }
    let (body, names) = writer.body(&["x"]);
    let value = writer.variable(&names);
    rules.push_str(&format!("m(x) := {value} if {{ {body} }}\n"));
    let (body, names) = writer.body(&["x"]);
    let value = writer.variable(&names);
    rules.push_str(&format!("m(x) := 4 if {{ x == 9 }} else := {value} if {{ {body} }}\n"));
    rules.push_str("r contains [\"m\", x, y] if { some x in [1, 2, \"a\"]; y := m(x) }\n");
    rules
}

#[test]
fn programs_of_chance_give_the_same_on_both() {
    let count = option_env!("LOADLINE_PROGRAMS").and_then(|text| text.parse().ok()).unwrap_or(150);
    let input = from_json(&json!({
        "xs": [1, 2, 3], "same": [{"v": 1}, {"v": 1}], "map": {"a": 1, "b": 2}, "no": false,
    }));
    let (mut ran, mut held, mut problems) = (0, 0, Vec::new());
    let (mut planned, mut given_up) = (0, 0);
    for seed in 0..count {
        let rules = program(seed);
        for errors in [Errors::Lenient, Errors::Strict] {
            let text = format!("package t\nimport rego.v1\n{rules}\n");
            let mode = Mode { errors, ..Mode::NATIVE };
            let module = Module { origin: "t.rego", text: &text };
            // What chance writes is not always Rego.
            let Ok(unit) = Parsed::new(&[module], mode)
                .and_then(|parsed| parsed.compile(&["data.t.r".to_owned()]))
            else {
                continue;
            };
            let deadline = Deadline::after(Duration::from_secs(10));
            if let Ok(program) = &unit.program {
                planned += 1;
                let interpreted = unit.interpret("data.t.r", Some(&input), None, deadline).0;
                let arena = Bump::new();
                let tree = plan::Value::of_engine(&arena, &input).unwrap();
                let value = program.run("data.t.r", tree, &arena, errors, deadline);
                given_up += usize::from(value == Err(Stop::GiveUp) && errors == Errors::Lenient);
                let agrees = match (&value, &interpreted) {
                    (Err(Stop::GiveUp), _) => true,
                    // The interpreter works out operands that no longer matter, and errs there.
                    (Ok(_), Err(Failure::Error(message))) => !message.contains("multiple outputs"),
                    (Ok(value), Ok(interpreted)) => value == interpreted,
                    _ => false,
                };
                if !agrees {
                    problems.push(format!("seed {seed}, {errors:?}\n{rules}\nprogram {value:?}\ninterpreter {interpreted:?}\n"));
                }
            }
            let Some(machine) = unit.machine() else {
                continue;
            };
            ran += 1;
            let deadline = Deadline::after(Duration::from_secs(10));
            let interpreted = unit.interpret("data.t.r", Some(&input), None, deadline).0;
            let value = machine.run("data.t.r", Some(&input), None, deadline);
            held += usize::from(value.is_ok());
            let agrees = match (&value, &interpreted) {
                (Err(Failure::Error(_)), Err(Failure::Error(_))) => true,
                // The interpreter has the last word on errors of strict units.
                (Err(Failure::Error(_)), _) if errors == Errors::Strict => true,
                // The lenient interpreter hides when functions disagree, and errs where values are undefined.
                (Err(Failure::Error(message)), _) if message.contains("multiple outputs") => true,
                (Ok(_), Err(Failure::Error(message))) => {
                    ["expects", "not an object", "unsafe"].iter().any(|part| message.contains(part))
                }
                _ => value == interpreted,
            };
            if !agrees {
                problems.push(format!("seed {seed}, {errors:?}\n{rules}\nmachine {value:?}\ninterpreter {interpreted:?}\n"));
            }
        }
    }
    println!("{planned} programs of our own, {given_up} of them gave up");
    println!("{ran} programs of {} ran on the machine, {held} without an error", 2 * count);
    assert!(
        problems.is_empty(),
        "{} problems, the first:\n{}",
        problems.len(),
        problems.first().unwrap()
    );
    assert!(ran > count / 4, "only {ran} programs ran");
}
