//! Every built-in by name.

use std::sync::LazyLock;

use regorus::unstable::{BUILTINS, BuiltinFcn};

use super::guards::{
    array_concat, concat, product, range, range_step, replace, search, written_out,
};
use super::{
    Builtin, Calling, arithmetic, call, encodings, hashes, json, own, paths, text, time, units,
};

const CLOCK: &str = "it reads the clock, so that the same request could be answered in two ways";
const CHANCE: &str =
    "it gives something else each time, so that the same request could be answered in two ways";
const HOST: &str = "it reads the environment of the process";
const PATHS: &str = "the number of paths doubles with each step; use `graph.reachable`";
const PROVIDERS: &str =
    "there are no providers of external data: an answer must not depend on a third party";

/// Whether a message says that a module asks a provider of external data.
pub(in crate::governance) fn is_of_provider(message: &str) -> bool {
    message.ends_with(PROVIDERS)
}

const TOKENS: &str = "tokens and signatures are no business of admission here";
const KEYS: &str = "certificates and keys are no business of admission here";
const QUERIES: &str = "nothing that is admitted is written in GraphQL";
const SCHEMAS: &str =
    "its mistakes are those of one library, word by word; ask in Rego for what the value must be";
const TWO_PATTERNS: &str = "it asks whether two patterns have a text in common; compare a text by `glob.match` or `regex.match`";
const ITSELF: &str = "a policy cannot look at policies: compiled rules know nothing of their text";
const TEMPLATES: &str =
    "it runs a language of its own whose loops have no bound; use `sprintf` and `concat`";
const ADDRESSES: &str =
    "it reads addresses as Go does; take them apart with `split` or `regex.match`";
const NETWORK: &str =
    "policies cannot reach the network: an answer must not depend on a third party";

/// A built-in function of the engine. The virtual machine calls it by a pointer, so each has functions of its own that know
/// who they are: one for lenient, one for strict evaluations.
macro_rules! builtin {
    ($name:literal, $arity:literal, $calling:expr) => {{
        static NATIVE: LazyLock<Option<BuiltinFcn>> =
            LazyLock::new(|| BUILTINS.get($name).copied());
        static BUILTIN: Builtin = Builtin {
            name: $name,
            arity: $arity,
            calling: $calling,
            native: Some(&NATIVE),
            machine: Some([
                (|_, _, arguments, _| Ok(call::on_machine::<false>(&BUILTIN, arguments)??), $arity),
                (|_, _, arguments, _| Ok(call::on_machine::<true>(&BUILTIN, arguments)??), $arity),
            ]),
        };
        &BUILTIN
    }};
}

macro_rules! direct {
    ($name:literal, $arity:literal) => {
        builtin!($name, $arity, Calling::Direct)
    };
}

macro_rules! bounded {
    ($name:literal, $arity:literal, $guard:expr) => {
        builtin!($name, $arity, Calling::Guarded($guard))
    };
}

/// A function that the engine has too, but not as OPA has it.
macro_rules! ours {
    ($name:literal, $arity:literal, $function:path) => {
        builtin!($name, $arity, Calling::Own($function))
    };
}

/// A function that the engine has not. The virtual machine does not know its name.
macro_rules! own {
    ($name:literal, $arity:literal, $function:path) => {
        &Builtin {
            name: $name,
            arity: $arity,
            calling: Calling::Own($function),
            native: None,
            machine: None,
        }
    };
}

macro_rules! refused {
    ($name:literal, $reason:expr) => {
        &Builtin {
            name: $name,
            arity: 0,
            calling: Calling::Refused($reason),
            native: None,
            machine: None,
        }
    };
}

/// Sorted by name.
pub(super) static TABLE: &[&Builtin] = &[
    direct!("abs", 1),
    own!("all", 1, own::all),
    own!("and", 2, arithmetic::and),
    own!("any", 1, own::any),
    bounded!("array.concat", 2, array_concat),
    own!("array.flatten", 1, own::array_flatten),
    direct!("array.reverse", 1),
    direct!("array.slice", 3),
    ours!("base64.decode", 1, encodings::base64_decode),
    bounded!("base64.encode", 1, written_out),
    ours!("base64.is_valid", 1, encodings::base64_is_valid),
    ours!("base64url.decode", 1, encodings::base64url_decode),
    bounded!("base64url.encode", 1, written_out),
    bounded!("base64url.encode_no_pad", 1, written_out),
    direct!("bits.and", 2),
    ours!("bits.lsh", 2, arithmetic::shift_left),
    direct!("bits.negate", 1),
    direct!("bits.or", 2),
    direct!("bits.rsh", 2),
    direct!("bits.xor", 2),
    own!("cast_array", 1, own::cast_array),
    own!("cast_boolean", 1, own::cast_boolean),
    own!("cast_null", 1, own::cast_null),
    own!("cast_object", 1, own::cast_object),
    own!("cast_set", 1, own::cast_set),
    own!("cast_string", 1, own::cast_string),
    direct!("ceil", 1),
    bounded!("concat", 2, concat),
    direct!("contains", 2),
    direct!("count", 1),
    own!("crypto.hmac.equal", 2, own::equal),
    own!("crypto.hmac.md5", 2, hashes::hmac_md5),
    own!("crypto.hmac.sha1", 2, hashes::hmac_sha1),
    own!("crypto.hmac.sha256", 2, hashes::hmac_sha256),
    own!("crypto.hmac.sha512", 2, hashes::hmac_sha512),
    own!("crypto.md5", 1, hashes::md5),
    refused!("crypto.parse_private_keys", KEYS),
    own!("crypto.sha1", 1, hashes::sha1),
    own!("crypto.sha256", 1, hashes::sha256),
    refused!("crypto.x509.parse_and_verify_certificates", KEYS),
    refused!("crypto.x509.parse_and_verify_certificates_with_options", KEYS),
    refused!("crypto.x509.parse_certificate_request", KEYS),
    refused!("crypto.x509.parse_certificates", KEYS),
    refused!("crypto.x509.parse_keypair", KEYS),
    refused!("crypto.x509.parse_rsa_private_key", KEYS),
    own!("div", 2, arithmetic::div),
    direct!("endswith", 2),
    own!("eq", 2, own::equal),
    own!("equal", 2, own::equal),
    refused!("external_data", PROVIDERS),
    direct!("floor", 1),
    direct!("format_int", 2),
    ours!("glob.match", 3, text::glob_match),
    ours!("glob.quote_meta", 1, text::glob_quote_meta),
    direct!("graph.reachable", 2),
    refused!("graph.reachable_paths", PATHS),
    refused!("graphql.is_valid", QUERIES),
    refused!("graphql.parse", QUERIES),
    refused!("graphql.parse_and_verify", QUERIES),
    refused!("graphql.parse_query", QUERIES),
    refused!("graphql.parse_schema", QUERIES),
    refused!("graphql.schema_is_valid", QUERIES),
    own!("gt", 2, own::gt),
    own!("gte", 2, own::gte),
    direct!("hex.decode", 1),
    bounded!("hex.encode", 1, written_out),
    refused!("http.send", NETWORK),
    ours!("indexof", 2, text::index_of),
    ours!("indexof_n", 2, text::index_of_n),
    direct!("intersection", 1),
    refused!("io.jwt.decode", TOKENS),
    refused!("io.jwt.decode_verify", TOKENS),
    refused!("io.jwt.encode_sign", TOKENS),
    refused!("io.jwt.encode_sign_raw", TOKENS),
    refused!("io.jwt.verify_eddsa", TOKENS),
    refused!("io.jwt.verify_es256", TOKENS),
    refused!("io.jwt.verify_es384", TOKENS),
    refused!("io.jwt.verify_es512", TOKENS),
    refused!("io.jwt.verify_hs256", TOKENS),
    refused!("io.jwt.verify_hs384", TOKENS),
    refused!("io.jwt.verify_hs512", TOKENS),
    refused!("io.jwt.verify_ps256", TOKENS),
    refused!("io.jwt.verify_ps384", TOKENS),
    refused!("io.jwt.verify_ps512", TOKENS),
    refused!("io.jwt.verify_rs256", TOKENS),
    refused!("io.jwt.verify_rs384", TOKENS),
    refused!("io.jwt.verify_rs512", TOKENS),
    direct!("is_array", 1),
    direct!("is_boolean", 1),
    direct!("is_null", 1),
    direct!("is_number", 1),
    direct!("is_object", 1),
    direct!("is_set", 1),
    direct!("is_string", 1),
    ours!("json.filter", 2, paths::filter),
    bounded!("json.is_valid", 1, written_out),
    ours!("json.marshal", 1, json::marshal),
    ours!("json.marshal_with_options", 2, json::marshal_with_options),
    refused!("json.match_schema", SCHEMAS),
    bounded!("json.patch", 2, written_out),
    ours!("json.remove", 2, paths::remove),
    bounded!("json.unmarshal", 1, written_out),
    refused!("json.verify_schema", SCHEMAS),
    ours!("lower", 1, text::lower),
    own!("lt", 2, own::lt),
    own!("lte", 2, own::lte),
    direct!("max", 1),
    direct!("min", 1),
    own!("minus", 2, arithmetic::minus),
    own!("mul", 2, arithmetic::mul),
    own!("neq", 2, own::neq),
    ours!("net.cidr_contains", 2, own::cidr_contains),
    own!("net.cidr_contains_matches", 2, own::cidr_contains_matches),
    ours!("net.cidr_expand", 1, own::cidr_expand),
    own!("net.cidr_intersects", 2, own::cidr_intersects),
    ours!("net.cidr_is_valid", 1, own::cidr_is_valid),
    own!("net.cidr_merge", 1, own::cidr_merge),
    own!("net.cidr_overlap", 2, own::cidr_contains),
    refused!("net.lookup_ip_addr", NETWORK),
    bounded!("numbers.range", 2, range),
    bounded!("numbers.range_step", 3, range_step),
    direct!("object.filter", 2),
    direct!("object.get", 3),
    direct!("object.keys", 1),
    direct!("object.remove", 2),
    ours!("object.subset", 2, paths::subset),
    direct!("object.union", 2),
    bounded!("object.union_n", 1, written_out),
    refused!("opa.runtime", HOST),
    own!("or", 2, arithmetic::or),
    own!("plus", 2, arithmetic::plus),
    bounded!("product", 1, product),
    refused!("providers.aws.sign_req", NETWORK),
    refused!("rand.intn", CHANCE),
    bounded!("regex.find_all_string_submatch_n", 3, written_out),
    bounded!("regex.find_n", 3, written_out),
    refused!("regex.globs_match", TWO_PATTERNS),
    bounded!("regex.is_valid", 1, written_out),
    bounded!("regex.match", 2, written_out),
    bounded!("regex.replace", 3, written_out),
    bounded!("regex.split", 2, written_out),
    bounded!("regex.template_match", 4, written_out),
    refused!("rego.metadata.chain", ITSELF),
    refused!("rego.metadata.rule", ITSELF),
    refused!("rego.parse_module", ITSELF),
    own!("rem", 2, arithmetic::rem),
    bounded!("replace", 3, replace),
    direct!("round", 1),
    ours!("semver.compare", 2, text::semver_compare),
    ours!("semver.is_valid", 1, text::semver_is_valid),
    own!("set_diff", 2, own::set_diff),
    bounded!("sort", 1, written_out),
    direct!("split", 2),
    bounded!("sprintf", 2, written_out),
    direct!("startswith", 2),
    direct!("strings.any_prefix_match", 2),
    direct!("strings.any_suffix_match", 2),
    ours!("strings.count", 2, text::count),
    refused!("strings.render_template", TEMPLATES),
    ours!("strings.replace_n", 2, text::replace_n),
    direct!("strings.reverse", 1),
    ours!("substring", 3, text::substring),
    direct!("sum", 1),
    ours!("time.add_date", 4, time::add_date),
    ours!("time.clock", 1, time::clock),
    ours!("time.date", 1, time::date),
    ours!("time.diff", 2, time::diff),
    ours!("time.format", 1, time::format),
    refused!("time.now_ns", CLOCK),
    ours!("time.parse_duration_ns", 1, time::parse_duration),
    ours!("time.parse_ns", 2, time::parse),
    ours!("time.parse_rfc3339_ns", 1, time::parse_rfc3339),
    ours!("time.weekday", 1, time::weekday),
    ours!("to_number", 1, text::to_number),
    ours!("trace", 1, own::trace),
    bounded!("trim", 2, search),
    bounded!("trim_left", 2, search),
    direct!("trim_prefix", 2),
    bounded!("trim_right", 2, search),
    direct!("trim_space", 1),
    direct!("trim_suffix", 2),
    direct!("type_name", 1),
    direct!("union", 1),
    ours!("units.parse", 1, units::parse),
    ours!("units.parse_bytes", 1, units::parse_bytes),
    ours!("upper", 1, text::upper),
    refused!("uri.is_valid", ADDRESSES),
    refused!("uri.parse", ADDRESSES),
    ours!("urlquery.decode", 1, encodings::query_decode),
    ours!("urlquery.decode_object", 1, encodings::query_decode_object),
    ours!("urlquery.encode", 1, encodings::query_encode),
    ours!("urlquery.encode_object", 1, encodings::query_encode_object),
    direct!("uuid.parse", 1),
    refused!("uuid.rfc4122", CHANCE),
    bounded!("walk", 1, written_out),
    bounded!("yaml.is_valid", 1, written_out),
    bounded!("yaml.marshal", 1, written_out),
    bounded!("yaml.unmarshal", 1, written_out),
];
