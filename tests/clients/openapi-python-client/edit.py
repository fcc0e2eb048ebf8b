import os

from larder_client import AuthenticatedClient
from larder_client.api.artifacts import edit_artifact, get_artifact, list_artifacts
from larder_client.api.user_collections import get_cache_stats, refresh_all
from larder_client.models import (
    ArtifactDetail,
    ArtifactList,
    BatchRefreshReport,
    CacheStats,
    MetadataChange,
    Problem,
    SavedArtifact,
)
from larder_client.types import Response

client = AuthenticatedClient(
    base_url=os.environ["LARDER_URL"], token=os.environ["LARDER_TOKEN"]
)
artifact_id = "skill:review-sql"

refreshed = refresh_all.sync(client=client)
assert isinstance(refreshed, BatchRefreshReport) and refreshed.errors_total == 0, refreshed

listed = list_artifacts.sync(client=client, type_=["skill", "agent"], limit=10)
assert isinstance(listed, ArtifactList), listed
assert [item.id for item in listed.items] == [artifact_id], listed

stats = get_cache_stats.sync(client=client)
assert isinstance(stats, CacheStats) and stats.sources[0].status is None, stats

found = get_artifact.sync_detailed(artifact_id, client=client)
etag = found.headers["etag"]
assert isinstance(found.parsed, ArtifactDetail), found
assert etag == f'"{found.parsed.revision}"', found


def edit(author: str) -> Response[Problem | SavedArtifact]:
    body = MetadataChange(author=author, license_=None)
    return edit_artifact.sync_detailed(
        artifact_id, client=client, if_match=etag, body=body
    )


saved = edit("Lovelace").parsed
assert isinstance(saved, SavedArtifact) and saved.author == "Lovelace", saved
lost = edit("Hopper")
assert lost.status_code == 412 and isinstance(lost.parsed, Problem), lost
assert lost.parsed.current_revision == saved.revision, lost
assert isinstance(lost.parsed.conflicts, list), lost
assert [conflict.field for conflict in lost.parsed.conflicts] == ["author"], lost
