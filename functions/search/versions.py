"""The versions of a shop's index for administrators: list them, roll back to one."""

from __future__ import annotations

from functions.search import rebuild
from functions.search.engine import index
from functions.search.engine.manifest import Manifest
from functions.search.models import IndexVersion, IndexVersions, LatestRebuild, RollbackRequest
from shared import audit
from shared.http.auth import Principal
from shared.jobs.models import JobId


def list_versions(shop: str) -> IndexVersions:
    """The versions that are kept, newest first, and the state of the index."""
    stats = index().stats(shop)
    current = stats.current.version if stats.current else None
    latest = rebuild.find_latest(shop)
    return IndexVersions(
        shop=shop,
        engine=stats.engine,
        current=current,
        items=[_version(manifest, current) for manifest in index().versions(shop)],
        products=stats.main,
        delta=stats.delta,
        hidden=stats.hidden,
        seq=stats.seq,
        rebuild_due=stats.rebuild_due,
        rebuild=None
        if latest is None
        else LatestRebuild(
            job_id=JobId(latest.job_id).public, status=latest.status, reason=latest.reason, at=latest.updated_at
        ),
    )


def roll_back(admin: Principal, shop: str, version: str, request: RollbackRequest) -> IndexVersion:
    """Answer from an older version; writes since it are replayed over it, none is lost.

    Raises:
        NotFound: `index_version_not_found`.
        Conflict: `index_published_meanwhile`; retryable.
        Unavailable: `index_model_mismatch`.
    """
    manifest = index().rollback(shop, version)
    audit.record(admin.user_id, "INDEX_ROLLED_BACK", subject=version, shop=shop, reason=request.reason)
    return _version(manifest, manifest.version)


def _version(manifest: Manifest, current: str | None) -> IndexVersion:
    return IndexVersion.of(manifest, current=manifest.version == current, bytes=manifest.bytes, eval=manifest.recall10)
