//! What a person gets to see of an artifact's main file.

use larder::{
    domain::id::{ArtifactId, ArtifactKind},
    ports::{Content, SourceError},
};

use crate::{
    files::Root,
    json::{self, is_json, split_pointer},
    reading::is_markdown,
    rows::Reader,
    unreadable,
};

/// The content at a path. JSON is masked and printed anew; one that does not parse is not given at
/// all, since its secrets cannot be found, and neither is a server in a format other than JSON.
pub(crate) fn of(
    reader: &Reader<'_>,
    id: &ArtifactId,
    path: &str,
) -> Result<Option<Content>, SourceError> {
    let root =
        Root::open(&reader.source.root).map_err(|error| unreadable(&reader.source.name, error))?;
    let (file, pointer) = split_pointer(path);
    let Ok((_, bytes)) = root.read(file) else { return Ok(None) };
    if is_json(file) {
        let text = json::parse(&bytes).ok().and_then(|value| masked(value, pointer));
        return Ok(text.map(|text| Content { text, media_type: "application/json" }));
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match is_markdown(file) {
        true => Some(Content { text, media_type: "text/markdown" }),
        false if id.kind().as_str() == ArtifactKind::MCP => None,
        false => Some(Content { text, media_type: "text/plain" }),
    })
}

fn masked(mut value: serde_json::Value, pointer: Option<&str>) -> Option<String> {
    // Masked as a whole, so that a key below `env` is masked as well.
    json::mask(&mut value);
    let value = value.pointer(pointer.unwrap_or_default())?;
    serde_json::to_string_pretty(value).ok()
}
