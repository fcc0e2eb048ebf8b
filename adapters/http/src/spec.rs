//! The OpenAPI document: what poem-openapi generates, with the rules and examples that it cannot
//! express, in the forms that generators of clients read.

use larder::domain::{edit::Field, id::MAX_NAME_CHARS, new_artifact::MAX_TOOL_CHARS};
use serde_json::{Map, Value, json};

use crate::problem::Problem;

/// A line of text that shows something: no control character, and not only white space.
const LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
/// An artifact's id; see [`larder::domain::id::ArtifactId`].
const ARTIFACT_ID: &str = r"^[a-z0-9_-]+:[^\x00-\x1f\x7f-\x9f]+$";
/// Markdown: no control character other than tabs and line breaks.
const MARKDOWN: &str = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$";
/// An absolute path.
const PATH: &str = r"^/[^\x00-\x1f\x7f-\x9f]*$";
/// See [`crate::cursor`].
const CURSOR: &str = "^[A-Za-z0-9_-]+$";
/// See [`larder::domain::revision::Revision`].
const REVISION: &str = "^[0-9a-f]{64}$";

/// What a text in a request must be: its name, its pattern, and its length in characters.
type Rule = (&'static str, &'static str, Option<usize>);

/// Where a response describes problem documents.
const PROBLEM: &str = "/content/application~1problem+json";

/// Rules of parameters.
const PARAMETERS: [Rule; 4] = [
    ("artifact_id", ARTIFACT_ID, Some(MAX_NAME_CHARS)),
    ("after", CURSOR, None),
    ("before", CURSOR, None),
    ("expected_revision", REVISION, None),
];

/// Rules of the fields of bodies; of a list, those of its items.
fn fields() -> [Rule; 11] {
    let line = |field: Field| (field.as_str(), LINE, Some(field.max_chars()));
    [
        line(Field::Description),
        line(Field::Author),
        line(Field::License),
        line(Field::Tags),
        line(Field::Version),
        ("name", LINE, None),
        ("tools", LINE, Some(MAX_TOOL_CHARS)),
        ("artifact_ids", ARTIFACT_ID, Some(MAX_NAME_CHARS)),
        ("project_path", PATH, None),
        ("body", MARKDOWN, None),
        ("expected_revision", REVISION, None),
    ]
}

/// The finished document, as JSON with a final newline.
pub(crate) fn finish(generated: &str) -> String {
    let mut spec: Value = serde_json::from_str(generated).unwrap_or_default();
    mend(&mut spec);
    let mut bodies = Vec::new();
    for item in values(&mut spec["paths"]) {
        for operation in values(item) {
            finish_operation(operation);
            let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            bodies.extend(body.as_str().and_then(|it| it.rsplit('/').next()).map(str::to_owned));
        }
    }
    for name in bodies {
        let is_edit = name == "MetadataChange";
        finish_body(&mut spec["components"]["schemas"][name], is_edit);
    }
    format!("{spec:#}\n")
}

fn values(object: &mut Value) -> impl Iterator<Item = &mut Value> {
    object.as_object_mut().into_iter().flat_map(Map::values_mut)
}

/// Rewrites references that have something beside them, wherever they are. poem-openapi writes the
/// description twice, the second time as a schema without a type, which generators drop; and it
/// writes `nullable` beside a reference, where it allows nothing (OpenAPI 3.0.3, "nullable").
fn mend(value: &mut Value) {
    if let Value::Object(schema) = value {
        if let Some([reference, description]) = schema.get("allOf").and_then(parts)
            && reference.get("$ref").is_some()
            && description.as_object().is_some_and(|it| it.keys().eq(["description"]))
        {
            let reference = reference.clone();
            schema.insert("allOf".into(), json!([reference]));
        }
        if schema.get("allOf").is_some() && schema.remove("nullable").is_some() {
            allow_null(schema);
        }
    }
    match value {
        Value::Object(fields) => fields.values_mut().for_each(mend),
        Value::Array(items) => items.iter_mut().for_each(mend),
        _ => {}
    }
}

fn parts(schemas: &Value) -> Option<&[Value; 2]> {
    schemas.as_array()?.as_slice().try_into().ok()
}

fn allow_null(schema: &mut Map<String, Value>) {
    match schema.remove("allOf").as_ref().and_then(Value::as_array).map(Vec::as_slice) {
        Some([reference]) => {
            schema.remove("type");
            let only_null = json!({ "type": "string", "nullable": true, "enum": [null] });
            schema.insert("oneOf".into(), json!([reference, only_null]));
        }
        _ => drop(schema.insert("nullable".into(), true.into())),
    }
}

fn finish_operation(operation: &mut Value) {
    if operation["security"].is_null() {
        operation["security"] = json!([]);
    }
    // The trash goes on behind an id instead of a cursor.
    let has_cursors = operation["operationId"] != "listTrash";
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let rule = PARAMETERS.iter().find(|(name, ..)| parameter["name"] == *name);
        if let Some(rule) = rule.filter(|(_, pattern, _)| has_cursors || *pattern != CURSOR) {
            restrict(&mut parameter["schema"], rule);
        }
    }
    let is_guarded = operation["responses"]["412"].is_object();
    let responses = operation["responses"].as_object_mut().into_iter().flatten();
    for (status, response) in responses {
        if let (Ok(status), Some(content)) = (status.parse(), response.pointer_mut(PROBLEM)) {
            content["example"] = json!(Problem::example_of(status, is_guarded));
        }
    }
}

/// Unknown fields of bodies are refused, and a field that may be absent may also be null, except
/// where null would be no change at all. An edit accepts any value that the artifact has already, so
/// that it has no limits that a specification can state.
fn finish_body(schema: &mut Value, is_edit: bool) {
    schema["additionalProperties"] = false.into();
    let required = schema["required"].clone();
    let is_required = |name: &str| required.as_array().is_some_and(|it| it.contains(&json!(name)));
    if required.is_null() {
        schema["minProperties"] = 1.into();
    }
    let may_be_null = |name: &str| !is_required(name) && (name != "name");
    for (name, field) in schema["properties"].as_object_mut().into_iter().flatten() {
        let rule = fields().into_iter().find(|(ruled, ..)| ruled == name);
        if let Some(rule) = rule.filter(|(_, pattern, _)| !is_edit || *pattern != LINE) {
            restrict(field, &rule);
        }
        if let Some(field) = field.as_object_mut().filter(|_| may_be_null(name)) {
            allow_null(field);
        }
    }
}

fn restrict(schema: &mut Value, (_, pattern, max): &Rule) {
    let is_list = schema["type"] == "array";
    let schema = if is_list { &mut schema["items"] } else { schema };
    // A stricter pattern of its own stays.
    if schema["pattern"].is_null() {
        schema["pattern"] = json!(pattern);
    }
    if *pattern != MARKDOWN {
        schema["minLength"] = 1.into();
    }
    if let Some(max) = max {
        schema["maxLength"] = json!(max);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use larder::domain::{curated::MAX_ADDITIONS, query::Limit};

    use super::*;
    use crate::problem::MEDIA_TYPE;

    fn spec() -> Value {
        serde_json::from_str(&crate::spec()).unwrap()
    }

    fn each<'a>(value: &'a Value, look: &mut impl FnMut(&'a Map<String, Value>)) {
        match value {
            Value::Object(fields) => {
                look(fields);
                fields.values().for_each(|field| each(field, look));
            }
            Value::Array(items) => items.iter().for_each(|item| each(item, look)),
            _ => {}
        }
    }

    #[test]
    fn a_described_reference_is_an_all_of_one() {
        let spec = spec();
        each(&spec, &mut |schema| {
            for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                let has_form = part["$ref"].is_string() || part["type"].is_string();
                assert!(has_form, "{schema:?}");
            }
        });
        let health = &spec["components"]["schemas"]["Artifact"]["properties"]["health"];
        assert_eq!(health["allOf"], json!([{ "$ref": "#/components/schemas/Health" }]));
        assert_eq!(health["description"], "How well it could be read.");
    }

    #[test]
    fn nothing_is_null_outside_examples_and_enums() {
        let spec = spec();
        each(&spec["paths"], &mut |object| {
            for (name, _) in object.iter().filter(|(_, value)| value.is_null()) {
                // The example of a lost race has no licence.
                assert_eq!(name, "license", "{object:?}");
            }
        });
    }

    #[test]
    fn whatever_is_nullable_allows_null() {
        let spec = spec();
        let mut seen = 0;
        each(&spec, &mut |schema| {
            if schema.get("nullable").is_some() {
                seen += 1;
                assert!(schema.contains_key("type") || schema.len() == 2, "{schema:?}");
                let words = schema.get("enum").and_then(Value::as_array);
                assert!(words.is_none_or(|words| words.contains(&Value::Null)), "{schema:?}");
            }
        });
        assert!(seen > 20, "{seen}");
        let schemas = &spec["components"]["schemas"];
        for (schema, field, referenced) in [
            ("SourceFreshness", "status", "RefreshStatus"),
            ("CacheStats", "last_refresh", "LastRefresh"),
            ("UserCollection", "last_refresh", "LastRefresh"),
        ] {
            let one_of = &schemas[schema]["properties"][field]["oneOf"];
            assert_eq!(one_of[0]["$ref"], format!("#/components/schemas/{referenced}"));
            assert_eq!(one_of[1]["enum"], json!([null]));
        }
    }

    #[test]
    fn every_operation_says_what_it_asks_of_its_caller_and_shows_each_refusal() {
        let spec = spec();
        let mut operations = 0;
        each(&spec["paths"], &mut |operation| {
            let Some(id) = operation.get("operationId") else { return };
            operations += 1;
            assert!(operation["security"].is_array(), "{id}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let content = &response["content"][MEDIA_TYPE];
                if content.is_object() {
                    assert_eq!(content["example"]["status"].to_string(), *status, "{id}");
                }
            }
        });
        assert!(operations > 30, "{operations}");
    }

    #[test]
    fn bodies_are_closed_and_limited_as_the_server_limits_them() {
        let spec = spec();
        let schemas = &spec["components"]["schemas"];
        let of = |schema: &str, field: &str| &schemas[schema]["properties"][field];
        let mut bodies = BTreeSet::new();
        each(&spec["paths"], &mut |operation| {
            if let Some(body) = operation.get("requestBody") {
                let reference = &body["content"]["application/json"]["schema"]["$ref"];
                bodies.extend(reference.as_str().and_then(|it| it.rsplit('/').next()));
            }
        });
        assert!(bodies.len() >= 7, "{bodies:?}");
        for body in bodies {
            assert_eq!(schemas[body]["additionalProperties"], false, "{body}");
        }
        for field in Field::ALL.into_iter().filter(|field| *field != Field::Tags) {
            let length = &of("NewArtifactBody", field.as_str())["maxLength"];
            assert_eq!(*length, field.max_chars(), "{field:?}");
        }
        let tags = of("NewArtifactBody", "tags");
        assert_eq!(tags["maxItems"], Field::MAX_TAGS);
        assert_eq!(tags["items"]["maxLength"], Field::Tags.max_chars());
        assert_eq!(of("NewUserCollection", "name")["maxLength"], MAX_NAME_CHARS);
        assert_eq!(of("ArtifactsToAdd", "artifact_ids")["maxItems"], MAX_ADDITIONS);
        assert_eq!(of("UserCollectionChange", "name").get("nullable"), None);
        assert_eq!(of("NewUserCollection", "description")["nullable"], true);
        let limit = spec["paths"]["/api/v1/artifacts"]["get"]["parameters"][0]["schema"].clone();
        assert_eq!(limit["maximum"].as_f64(), Some(f64::from(Limit::MAX)));
    }
}
