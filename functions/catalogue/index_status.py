"""Whether the search index has a product: read from the embedding documents, which search writes."""

from __future__ import annotations

from collections.abc import Sequence

from shared.catalogue.documents import ProductDocument, embeddings


def indexed_seqs(products: Sequence[ProductDocument]) -> dict[str, int]:
    """The journal number of each product whose present revision is in the index."""
    found = embeddings.find_many([(product.id, product.vendor_id) for product in products])
    return {
        product.id: embedding.seq
        for product, embedding in zip(products, found, strict=True)
        if embedding is not None and embedding.seq is not None and embedding.revision == product.revision
    }
