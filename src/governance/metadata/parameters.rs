//! The parameters of a policy: its own, those that a configuration gives, and what its schema says of both.

use super::Metadata;
use crate::diagnostic::suggest;
use crate::governance::schema::Schema;
use crate::path::FieldPath;

impl Metadata {
    /// The parameters that are in force: its own, those that are given laid over them, and the defaults of the schema.
    ///
    /// Fails in a phrase where one is given that is not declared, where they do not fit the schema, or where that is none.
    pub fn complete(&self, given: Option<serde_json::Value>) -> Result<serde_json::Value, String> {
        if let Some(name) = given.as_ref().and_then(|given| self.undeclared(given)) {
            let declared: Vec<&str> = self.declared().collect();
            let help = suggest::help(name, declared);
            return Err(format!("there is no parameter `{name}`: {help}"));
        }
        let mut parameters = match (self.parameters.clone(), given) {
            (Some(serde_json::Value::Object(mut own)), Some(serde_json::Value::Object(given))) => {
                own.extend(given);
                own.into()
            }
            (own, given) => given.or(own).unwrap_or_else(|| serde_json::json!({})),
        };
        let Some(schema) = &self.parameters_schema else {
            return Ok(parameters);
        };
        let joined = |mistakes: Vec<crate::document::Mistake>| {
            mistakes.into_iter().map(|one| one.message).collect::<Vec<_>>().join("; ")
        };
        let schema = Schema::read(schema, &FieldPath::keys("parametersSchema"))
            .map_err(|mistakes| format!("the schema of the parameters: {}", joined(mistakes)))?;
        let misfits = schema.misfits(&parameters, &FieldPath::keys("parameters"));
        if !misfits.is_empty() {
            return Err(joined(misfits.into_mistakes()));
        }
        schema.complete(&mut parameters);
        Ok(parameters)
    }

    /// The names of its parameters, as far as the metadata gives them.
    fn declared(&self) -> impl Iterator<Item = &str> {
        let properties =
            self.parameters_schema.as_ref().and_then(|schema| schema.get("properties"));
        let members = [self.parameters.as_ref(), properties].into_iter().flatten();
        members
            .filter_map(serde_json::Value::as_object)
            .flat_map(|object| object.keys())
            .map(String::as_str)
    }

    /// The first of the given parameters that is not declared. A policy that declares none reads what it likes, and a schema
    /// says itself what it does not know.
    fn undeclared<'g>(&self, given: &'g serde_json::Value) -> Option<&'g str> {
        if self.parameters_schema.is_some() || self.declared().next().is_none() {
            return None;
        }
        let mut names = given.as_object()?.keys().map(String::as_str);
        names.find(|name| !self.declared().any(|declared| declared == *name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_not_declared_is_a_mistake() {
        let complete = |custom: &str, given: serde_json::Value| {
            let text = format!("# METADATA\n# custom: {{{custom}}}\npackage a\n");
            Metadata::of_module(&text).unwrap().complete(Some(given)).map(|_| ())
        };
        let own = "parameters: {registries: []}";
        assert_eq!(
            complete(own, serde_json::json!({"registeries": []})),
            Err("there is no parameter `registeries`: did you mean `registries`?".to_owned())
        );
        assert_eq!(complete(own, serde_json::json!({"registries": ["a"]})), Ok(()));
        let schema = "parametersSchema: {properties: {most: {type: integer}}}";
        let message = complete(schema, serde_json::json!({"moost": 1})).unwrap_err();
        assert!(message.contains("did you mean `most`?"), "{message}");
        assert_eq!(complete("", serde_json::json!({"anything": 1})), Ok(()), "nothing is declared");
    }
}
