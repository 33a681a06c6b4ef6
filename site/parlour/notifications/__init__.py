"""Notice: what reaches people who are not looking, by Web Push, through the service worker, or in a feed."""
