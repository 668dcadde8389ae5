"""Engines, one file each, behind `base.Engine`."""
