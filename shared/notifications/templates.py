"""The texts of notifications, by event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from shared.notifications.documents import NotificationDocument


@dataclass(frozen=True)
class Template:
    """Texts of one event; `{name}` is replaced by its data."""

    subject: str
    text: str
    sms: str
    link: str


TEMPLATES: Mapping[str, Template] = {
    "conversion.completed": Template(
        subject="Your try-on is ready",
        text="Your picture is ready. It took {seconds} seconds to make. {madeBy}",
        sms="AI Fashion Studio: your try-on is ready. {link}",
        link="/conversions/{conversionId}",
    ),
    "conversion.failed": Template(
        subject="Your try-on could not be made",
        text="We could not make your picture: {reason} Nothing was charged.",
        sms="AI Fashion Studio: your try-on could not be made; nothing was charged. {link}",
        link="/conversions/{conversionId}",
    ),
    "tryon.completed": Template(
        subject="Your try-on is ready",
        text="Your try-on is ready. It took {seconds} seconds to make. {madeBy}",
        sms="AI Fashion Studio: your try-on is ready. {link}",
        link="/tryons/{tryonId}",
    ),
    "tryon.failed": Template(
        subject="Your try-on could not be made",
        text="We could not make your try-on: {reason} Nothing was charged.",
        sms="AI Fashion Studio: your try-on could not be made; nothing was charged. {link}",
        link="/tryons/{tryonId}",
    ),
    "tryon.batch": Template(
        subject="Your {total} try-ons are done",
        text="Of your {total} try-ons {completed} are ready. Nothing was charged for the others.",
        sms="AI Fashion Studio: {completed} of your {total} try-ons are ready. {link}",
        link="/tryons/batches/{batchId}",
    ),
    "payment.alert": Template(
        subject="A payment needs review",
        text="Payment {subject}: {about}.",
        sms="AI Fashion Studio: {about}. {link}",
        link="/admin/payments/{subject}",
    ),
    "provider.alert": Template(
        subject="A provider refuses our account",
        text="{provider} refuses our calls ({reason}). Work that needs it waits, and continues automatically once the "
        "account, its key or its settings are repaired.",
        sms="AI Fashion Studio: {provider} refuses our calls ({reason}). {link}",
        link="/admin/system",
    ),
    "drops.unassigned": Template(
        subject="Product files without a vendor",
        text="Files were uploaded to no vendor's folder and moved aside. The container {container} has them, in the "
        "folder unassigned.",
        sms="AI Fashion Studio: product files were uploaded to no vendor's folder. {link}",
        link="/admin/system",
    ),
    "spending.alert": Template(
        subject="A ceiling of spending is near or reached: {kind}",
        text="{spent} of {limit} ({kind}, {window}) are used. At the ceiling, requests are refused.",
        sms="AI Fashion Studio: {spent} of {limit} {kind} ({window}) used. {link}",
        link="/admin/spending",
    ),
    "drops.rejected": Template(
        subject="{count} of your product files could not be used",
        text="{count} of the files you dropped could not be used: {listed} Each was moved aside with a reason.",
        sms="AI Fashion Studio: {count} of your product files could not be used. {link}",
        link="/drops?status=rejected",
    ),
}


def html_body(notification: NotificationDocument) -> str:
    """The e-mail's HTML: the text, and a link to the app (never a signed URL)."""
    return (
        '<div style="font-family:sans-serif;max-width:32rem;margin:auto">'
        f'<h1 style="font-size:1.3rem">{escape(notification.subject)}</h1><p>{escape(notification.text)}</p>'
        f'<p><a href="{escape(notification.link)}">Open it in AI Fashion Studio</a></p></div>'
    )
