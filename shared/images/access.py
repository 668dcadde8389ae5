"""Who may see which image, and who may publish one."""

from __future__ import annotations

from shared.accounts.documents import Role
from shared.documents.fields import where
from shared.errors import Forbidden, Gone, NotFound
from shared.images.documents import ImageDocument, ImageId, ImageKind, ImageStatus, Visibility, images


def get_image(id: str, user_id: str) -> ImageDocument:
    """The user's own image. Raises NotFound, for another user's too."""
    image = images.find(ImageId.of(id), user_id)
    if image is None or image.status is ImageStatus.DELETING:
        raise image_not_found()
    return image


def get_visible_image(id: str, user_id: str) -> ImageDocument:
    """An image the user may use: their own, or any user's public one. Raises NotFound."""
    try:
        return get_image(id, user_id)
    except NotFound:
        public = (
            where(ImageDocument.id, "=", ImageId.of(id)),
            where(ImageDocument.visibility, "=", Visibility.PUBLIC),
            where(ImageDocument.status, "=", ImageStatus.READY),
        )
        found = images.list(*public, limit=1).items
        if not found:
            raise
        return found[0]


def ensure_not_deleted(id: str, user_id: str) -> None:
    """Check that the image of a repeated request still exists: repeating a request must not restore a deleted image.

    Raises:
        Gone: it was deleted.
    """
    try:
        get_image(id, user_id)
    except NotFound:
        raise Gone("the image made with this key was deleted: use a new key", code="image_gone") from None


def check_visibility(role: Role, kind: ImageKind, visibility: Visibility) -> None:
    """Check who may publish what: sellers their garments, no one a photo of a person.

    Raises:
        Forbidden: `not_publishable`.
    """
    if visibility is Visibility.PRIVATE:
        return
    if kind is not ImageKind.GARMENT:
        raise Forbidden("pictures of people stay private", code="not_publishable", field="visibility")
    if role is Role.SHOPPER:
        raise Forbidden("only sellers may publish garments", code="not_publishable", field="visibility")


def image_not_found(field: str | None = None) -> NotFound:
    """The error for an image that does not exist, or that the caller may not see."""
    return NotFound("there is no such image", code="image_not_found", field=field)
