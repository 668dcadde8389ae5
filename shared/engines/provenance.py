"""Provenance that every result carries: XMP that names the engine and says that a model generated a part.

`compositeWithTrainedAlgorithmicMedia` is IPTC's term for a photo of which a model generated a part.
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import quoteattr

from shared.vto.engines import label
from shared.vto.protocol import SampleReport

SOURCE_TYPE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
GENERATOR: Final = "AI Fashion Studio try-on"


def xmp(report: SampleReport) -> str:
    """The XMP packet of a result; the tool's name says if the result is a preview."""
    tool = quoteattr(f"{GENERATOR} ({label(report.engine)} {report.version}, seed {report.seed})")
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'xmlns:xmp="http://ns.adobe.com/xap/1.0/" Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}" '
        f"xmp:CreatorTool={tool}/>"
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )
