"""URLs that a request sends: of the caller's folder, of others', and of nothing; none of them causes a server error."""

from __future__ import annotations

import pytest
from account_factory import add_account
from over_http import photo

from functions.tryon import inputs
from functions.tryon.models import PersonRequest
from shared import blobs, clock
from shared.accounts.documents import Role
from shared.errors import StudioError
from shared.http.auth import Principal
from shared.images import sources
from shared.images.documents import ImageKind, Visibility
from shared.images.uploads import add_image

pytestmark = pytest.mark.usefixtures("local")


def refused(user: Principal, url: str) -> tuple[int, int]:
    """The statuses with which a URL is refused by segmentation's way and by try-on's."""
    with pytest.raises(StudioError) as direct:
        sources.by_url(url, user.user_id).read()
    with pytest.raises(StudioError) as person:
        inputs.resolve_person(PersonRequest(person_url=url), user)
    return direct.value.status, person.value.status


def test_no_url_is_a_fault_of_ours() -> None:
    id = add_account().id
    user = Principal(id, Role.SHOPPER, "t", clock.now() + 60)
    image = add_image(clock.new_id(), id, photo(), kind=ImageKind.PERSON, visibility=Visibility.PRIVATE, name=None)
    base = blobs.endpoint()
    good = f"{base}/images/{image.renditions['original'].name}"
    assert sources.by_url(good, id).read()
    assert inputs.resolve_person(PersonRequest(person_url=good), user).name == image.renditions["original"].name
    paths = [
        f"images/{id}", f"images/{id}/", f"images/{id}/x", f"images/{id}/x/y", f"images/{id}//original.jpg", "images/a",
        "images/", "images", "", f"images/{id}/..", f"images/{id}/%2e%2e/x", f"images/{id}%2Fx", f"images/{id}/a%00",
        f"images/{id}/a?b#c", f"images/{id}/%3F/%23", f"images/{id}/{'x' * 1500}", f"images/other/{image.id.public}/x",
        f"thumbnails/{id}", f"results/{id}", f"tryon/{id}", f"tryon/{id}/a", f"masks/{id}/x", f"uploads/{id}/x",
        f"vendor-uploads/{id}/A.jpg", f"images/{id}/%F0%9F%91%97.jpg", f"images/{id}/%ff", f"images/%20/{id}/x",
    ]  # fmt: skip
    for path in paths:
        for status in refused(user, f"{base}/{path}"):
            assert status in (404, 422), path
    for url in ("http://127.0.0.1:1/x/y", "file:///etc/passwd", f"{base}@evil/images/{id}/x", "http://[::1"):
        for status in refused(user, url):
            assert status in (404, 422), url
