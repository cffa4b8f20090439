"""What is printed: certificates of acceptance, door stickers, the desk's poster."""
