"""What can go wrong with a model, by what it means for the run."""


class ModelError(Exception):
    """A model call gave nothing that can be used."""


class Outage(ModelError):
    """One call is lost, after all tries: a rollout is missing for it, never wrong."""


class Unusable(ModelError):
    """The model answers, but only with empty, cut-off or malformed text, after all tries."""


class Refused(ModelError):
    """No call to this endpoint can succeed (key, quota, model name, dead host): the run stops."""
