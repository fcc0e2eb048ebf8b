import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const client = createClient<paths>({
  baseUrl: process.env.LARDER_URL ?? "",
  headers: { Authorization: `Bearer ${process.env.LARDER_TOKEN}` },
});
const artifact_id = "skill:review-sql";

const refreshed = await client.POST("/api/v1/user-collections/refresh-cache");
assert.equal(refreshed.data?.errors_total, 0);

const list = await client.GET("/api/v1/artifacts", {
  params: { query: { type: ["skill", "agent"], limit: 10 } },
});
assert.deepEqual(list.data?.items.map((item) => item.id), [artifact_id]);

const stats = await client.GET("/api/v1/user-collections/cache-stats");
assert.equal(stats.data?.sources[0]?.status, null);

const found = await client.GET("/api/v1/artifacts/{artifact_id}", {
  params: { path: { artifact_id } },
});
const etag = found.response.headers.get("etag") ?? "";
assert.equal(etag, `"${found.data?.revision}"`);

const edit = (author: string) =>
  client.PUT("/api/v1/artifacts/{artifact_id}/metadata", {
    params: { path: { artifact_id }, header: { "If-Match": etag } },
    body: { author, license: null },
  });

const saved = await edit("Ada");
assert.equal(saved.data?.author, "Ada");
const lost = await edit("Grace");
assert.equal(lost.response.status, 412);
assert.equal(lost.error?.current_revision, saved.data?.revision);
assert.deepEqual(lost.error?.conflicts, [{ field: "author", yours: "Grace", current: "Ada" }]);
