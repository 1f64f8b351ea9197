"""What the integration, house and screen tests share: interpreters, targets, the tool."""
