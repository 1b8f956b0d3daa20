"""What every table of the config has in common."""

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class Table(BaseModel):
    """A table of the config: unknown keys are mistakes, and so is `"7000"` for 7000."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def toml_keys(cls) -> dict[str, FieldInfo]:
        """Its keys as the file spells them: `for` is no name that Python allows."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}
