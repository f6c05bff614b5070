"""The operator: makes running applications of `CloudflowApplication` resources."""
