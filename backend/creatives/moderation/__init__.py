"""What moderators decide about creatives."""
