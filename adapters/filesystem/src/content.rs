//! What a person gets to see of an artifact's main file.

use larder::{
    domain::id::{ArtifactId, ArtifactKind},
    ports::SourceError,
};

use crate::{
    files::Root,
    json::{self, is_json, split_pointer},
    managed::{self, MANIFEST},
    reading::is_markdown,
    rows::Reader,
    secrets, unreadable,
};

/// The content at a path, its secrets masked. JSON is printed again with its keys and values; a file
/// that does not parse is not returned at all, since its secrets cannot be found, and neither is a
/// server or a hook in another format.
pub(crate) fn of(
    reader: &Reader<'_>,
    id: &ArtifactId,
    path: &str,
) -> Result<Option<String>, SourceError> {
    let root =
        Root::open(&reader.source.root).map_err(|error| unreadable(&reader.source.name, error))?;
    let (file, pointer) = split_pointer(path);
    if file == MANIFEST && pointer.is_some() {
        let server = managed::server_content(reader, &root, id)?;
        return Ok(server.and_then(|server| serde_json::to_string_pretty(&server).ok()));
    }
    let Ok((_, bytes)) = root.read(file) else { return Ok(None) };
    if is_json(file) {
        return Ok(json::parse(&bytes).ok().and_then(|value| masked(value, pointer)));
    }
    if [ArtifactKind::MCP, ArtifactKind::HOOK].contains(&id.kind().as_str()) {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&bytes);
    let masked = if is_markdown(file) {
        secrets::mask_markdown(&text)
    } else {
        secrets::mask_settings(&text)
    };
    Ok(Some(masked.into_owned()))
}

fn masked(mut value: serde_json::Value, pointer: Option<&str>) -> Option<String> {
    // Masked as a whole, so that a key below `env` is masked as well.
    secrets::mask_json(&mut value);
    let value = value.pointer(pointer.unwrap_or_default())?;
    serde_json::to_string_pretty(value).ok()
}
