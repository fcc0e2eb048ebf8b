//! Request bodies: within a limit, JSON first, and then what an operation asks for.

use larder::domain::edit::{Change, Field, InvalidField};
use poem::{Body as HttpBody, Request, RequestBody, http::header};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};
use serde_json::{Map, Value};

use crate::problem::{Kind, Problem};

/// Largest body, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

const JSON: &str = "application/json";

/// Reads the body of a request whose operation takes none, within the limit. An empty body and an
/// empty JSON object pass: some clients send one with every POST.
pub(crate) async fn refuse_body(request: &mut Request) -> Result<(), Problem> {
    let bytes = read(request).await?;
    if bytes.is_empty() {
        return Ok(());
    }
    require_json(request, "Send a body as application/json, or none at all.")?;
    match parse(&bytes)? {
        Value::Object(fields) => match fields.keys().next() {
            None => Ok(()),
            Some(field) => Err(Problem::invalid(
                field,
                "this operation takes no body; its options are query parameters",
            )),
        },
        _ => Err(Problem::invalid("body", "this operation takes no body")),
    }
}

/// Reads the body of a request whose operation takes one, and keeps it for [`Body`].
pub(crate) async fn keep_body(request: &mut Request) -> Result<(), Problem> {
    let bytes = read(request).await?;
    require_json(request, "Send the body as application/json.")?;
    let Value::Object(fields) = parse(&bytes)? else {
        return Err(Problem::invalid("body", "it must be a JSON object"));
    };
    request.extensions_mut().insert(Kept(fields));
    Ok(())
}

/// A JSON object that is still to be understood.
#[derive(Clone)]
struct Kept(Map<String, Value>);

fn require_json(request: &Request, detail: &str) -> Result<(), Problem> {
    let content_type = request.content_type().unwrap_or_default().to_ascii_lowercase();
    if content_type.split(';').next().map(str::trim) == Some(JSON) {
        return Ok(());
    }
    Err(Problem::new(Kind::UnsupportedMediaType, detail))
}

fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::new(Kind::BadRequest, format!("The body is not valid JSON: {error}."))
    })
}

async fn read(request: &mut Request) -> Result<Vec<u8>, Problem> {
    let too_large = || Problem::new(Kind::TooLarge, "A body may have 1 MiB at most.");
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    let body: HttpBody = request.take_body();
    match body.into_bytes_limit(MAX_BODY).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(poem::error::ReadBodyError::PayloadTooLarge) => Err(too_large()),
        Err(error) => {
            Err(Problem::new(Kind::BadRequest, format!("The body cannot be read: {error}.")))
        }
    }
}

/// The type that describes a body in the spec, and how such a body is read.
pub(crate) trait Described: Type {
    /// What the operation gets.
    type Value: Send;

    /// Takes the fields; what is wrong with them is told to `fields`.
    fn read(fields: &mut Fields) -> Self::Value;
}

/// The body of a request, understood. All that is wrong with it is told at once.
pub(crate) struct Body<T: Described>(pub(crate) T::Value);

impl<'a, T: Described> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: JSON, schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let kept = request.extensions().get::<Kept>().cloned();
        let mut fields = Fields {
            left: kept.map(|Kept(fields)| fields).unwrap_or_default(),
            refused: Vec::new(),
        };
        let value = T::read(&mut fields);
        fields.finish()?;
        Ok(Self(value))
    }
}

/// The fields of a body: those that were not taken yet, and what is wrong with those that were.
pub(crate) struct Fields {
    left: Map<String, Value>,
    refused: Vec<InvalidField>,
}

impl Fields {
    /// A text that may be absent.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.left.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => self.refuse(name, "it must be a text"),
        }
    }

    /// A text that must be there.
    pub(crate) fn required_text(&mut self, name: &str) -> String {
        let is_there = self.left.get(name).is_some_and(|value| !value.is_null());
        let text = self.text(name);
        if !is_there {
            self.refuse::<()>(name, "it must be there");
        }
        text.unwrap_or_default()
    }

    /// A text that may be absent, but not null.
    pub(crate) fn text_unless_absent(&mut self, name: &str) -> Option<String> {
        match self.left.get(name) {
            Some(Value::Null) => {
                self.left.remove(name);
                self.refuse(name, "it must be a text")
            }
            _ => self.text(name),
        }
    }

    /// A list of texts that may be absent.
    pub(crate) fn list(&mut self, name: &str) -> Vec<String> {
        match self.left.remove(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(value) => self.texts(name, value).unwrap_or_default(),
        }
    }

    /// One of some words; the first when it is absent.
    pub(crate) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let Some(text) = self.text(name) else { return words.first().map(|(_, value)| *value) };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refuse(name, format!("it must be one of {}", words.join(", ")))
        })
    }

    /// What a field of the metadata shall become; nothing when it is absent.
    pub(crate) fn change(&mut self, field: Field) -> Option<(Field, Change)> {
        let name = field.as_str();
        let change = match self.left.remove(name)? {
            Value::Null => Change::Clear,
            Value::String(text) if field != Field::Tags => Change::Text(text),
            value if field == Field::Tags => Change::List(self.texts(name, value)?),
            _ => return self.refuse(name, "it must be a text, or null to remove it"),
        };
        Some((field, change))
    }

    fn texts(&mut self, name: &str, value: Value) -> Option<Vec<String>> {
        let Value::Array(items) = value else {
            return self.refuse(name, "it must be a list of texts");
        };
        let texts = items.into_iter().map(|item| match item {
            Value::String(text) => Some(text),
            _ => None,
        });
        let texts: Option<Vec<String>> = texts.collect();
        texts.or_else(|| self.refuse(name, "it must be a list of texts"))
    }

    /// Tells what is wrong.
    pub(crate) fn refuse<T>(&mut self, name: &str, message: impl Into<String>) -> Option<T> {
        self.refused.push(InvalidField::new(name, message));
        None
    }

    /// Tells what the domain refuses, of fields that nothing was told of before.
    pub(crate) fn refuse_all(&mut self, mut refused: Vec<InvalidField>) {
        refused.retain(|new| self.refused.iter().all(|told| told.field != new.field));
        self.refused.extend(refused);
    }

    /// Whether anything was wrong so far.
    pub(crate) fn are_sound(&self) -> bool {
        self.refused.is_empty()
    }

    fn finish(mut self) -> Result<(), Problem> {
        let unknown = |name: &String| InvalidField::new(name, "there is no such field here");
        let mut refused: Vec<InvalidField> = self.left.keys().map(unknown).collect();
        refused.append(&mut self.refused);
        if refused.is_empty() { Ok(()) } else { Err(Problem::all_invalid(refused)) }
    }
}
