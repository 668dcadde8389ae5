"""The shop before the emulated PayPal."""

from paypal_shop import paypal, shop

__all__ = ["paypal", "shop"]
