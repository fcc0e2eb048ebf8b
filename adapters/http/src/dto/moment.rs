//! Times, the same in answers and in the spec's examples.

use std::borrow::Cow;

use larder::domain::Timestamp;
use poem_openapi::{
    registry::MetaSchemaRef,
    types::{ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde::Serialize;
use serde_json::Value;

/// A moment in RFC 3339 with `Z`. poem-openapi writes a chrono time with `+00:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Moment(pub Timestamp);

impl poem_openapi::types::Example for Moment {
    fn example() -> Self {
        Self(Timestamp::default() + chrono::TimeDelta::days(20_458))
    }
}

impl Type for Moment {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        Timestamp::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        Timestamp::schema_ref()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl ParseFromJSON for Moment {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Timestamp::parse_from_json(value)
            .map(Self)
            .map_err(poem_openapi::types::ParseError::propagate)
    }
}

impl ToJSON for Moment {
    fn to_json(&self) -> Option<Value> {
        serde_json::to_value(self.0).ok()
    }
}
