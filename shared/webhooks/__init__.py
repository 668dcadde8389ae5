"""Outbound webhooks: endpoints, deliveries, and the writes that publish the end of a job."""
