"""Where a picture comes from, written into the picture: XMP always, a signed C2PA manifest where a key is configured.

Both say `compositeWithTrainedAlgorithmicMedia`, IPTC's word for a photo of which a model painted a part. XMP alone can
be written by anybody; what a signature is worth depends on who trusts its certificate.
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from vto_container.settings import settings

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
GENERATOR = "AI Fashion Studio try-on"


def xmp(report: dict[str, Any]) -> str:
    """The packet for a result."""
    tool = quoteattr(f"{GENERATOR} ({report['engine']} {report['version']}, seed {report['seed']})")
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'xmlns:xmp="http://ns.adobe.com/xap/1.0/" Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}" '
        f"xmp:CreatorTool={tool}/>"
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )


def manifest(report: dict[str, Any]) -> dict[str, Any]:
    """What the C2PA manifest claims: a picture made from others, a model having painted a part of it."""
    agent = {"name": report["engine"], "version": report["version"]}
    made = {
        "action": "c2pa.created",
        "digitalSourceType": SOURCE_TYPE,
        "softwareAgent": agent,
        "parameters": {"seed": str(report["seed"])},
    }
    return {
        "claim_generator_info": [{"name": GENERATOR, "version": "1"}],
        "title": "Virtual try-on",
        "format": "image/png",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [made]}}],
    }


def signed(png: bytes, report: dict[str, Any]) -> tuple[bytes, list[str]]:
    """The picture with a signed manifest where a key is configured, and what it carries: `xmp`, `c2pa`.

    No time stamp is asked of anybody: signing never leaves this machine.
    """
    conf = settings()
    if not conf.c2pa_key or not conf.c2pa_certificates:
        return png, ["xmp"]
    from c2pa import Builder, C2paSignerInfo, Signer

    info = C2paSignerInfo(
        alg=conf.c2pa_algorithm.encode(),
        sign_cert=Path(conf.c2pa_certificates).read_bytes(),
        private_key=Path(conf.c2pa_key).read_bytes(),
        ta_url=None,
    )
    out = BytesIO()
    with Signer.from_info(info) as signer, Builder(json.dumps(manifest(report))) as builder:
        builder.sign(signer, "image/png", BytesIO(png), out)
    return out.getvalue(), ["xmp", "c2pa"]
