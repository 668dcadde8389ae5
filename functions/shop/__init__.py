"""The shop window: products on sale, for visitors who are not signed in."""
