"""The widget: visits of shoppers to a shop's page, by a publishable key and without an account."""
