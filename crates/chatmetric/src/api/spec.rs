//! What an operation is, as data: its names, parameters, answer and errors.
//!
//! Each operation's file has one [`OperationSpec`] beside the code that follows
//! it; the table of actions, the limits of calls, the RAM action and the
//! published metadata are all read from there, so they cannot differ. It is not
//! a parser: every operation checks its own parameters.

/// A product of the vendor with the version that we serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// Chat App Message Service.
    Cams,
    /// Security Token Service.
    Sts,
    /// Resource Access Management.
    Ram,
}

impl Product {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cams, Self::Sts, Self::Ram];

    /// The product's code in metadata and error bodies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cams => "cams",
            Self::Sts => "Sts",
            Self::Ram => "Ram",
        }
    }

    /// The API version.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::Cams => "2020-06-06",
            Self::Sts => "2015-04-01",
            Self::Ram => "2015-05-01",
        }
    }

    /// What stands before the colon of a RAM action.
    #[must_use]
    pub const fn ram_code(self) -> &'static str {
        match self {
            Self::Cams => "cams",
            Self::Sts => "sts",
            Self::Ram => "ram",
        }
    }
}

/// Whether an operation changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It reads one thing (`get`).
    Get,
    /// It reads many (`list`).
    List,
    /// It changes something (`create`, `update`, `delete`).
    Write,
}

/// A scalar on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// A string.
    Text,
    /// A number that the vendor's metadata calls int32.
    Int32,
    /// A number of 64 bits.
    Int64,
    /// `true` or `false`.
    Bool,
}

/// A request parameter.
#[derive(Debug, Clone, Copy)]
pub struct ParameterSpec {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Scalar,
    /// Whether it must be there.
    pub required: bool,
    /// What it is, and what is valid.
    pub description: &'static str,
    /// A valid value.
    pub example: &'static str,
    /// What stands when it is absent.
    pub default: Option<&'static str>,
    /// All valid values, when they can be listed.
    pub choices: &'static [&'static str],
}

impl ParameterSpec {
    /// A mandatory parameter.
    #[must_use]
    pub const fn required(
        name: &'static str,
        kind: Scalar,
        description: &'static str,
        example: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            required: true,
            description,
            example,
            default: None,
            choices: &[],
        }
    }

    /// A parameter that may be absent.
    #[must_use]
    pub const fn optional(
        name: &'static str,
        kind: Scalar,
        description: &'static str,
        example: &'static str,
    ) -> Self {
        Self {
            required: false,
            ..Self::required(name, kind, description, example)
        }
    }

    /// The same with what stands when it is absent.
    #[must_use]
    pub const fn or(self, default: &'static str) -> Self {
        Self {
            default: Some(default),
            ..self
        }
    }

    /// The same with all valid values.
    #[must_use]
    pub const fn one_of(self, choices: &'static [&'static str]) -> Self {
        Self { choices, ..self }
    }
}

/// A member of an answer.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: FieldKind,
    /// What it is.
    pub description: &'static str,
    /// A value; empty for objects and lists.
    pub example: &'static str,
}

/// The type of a member.
#[derive(Debug, Clone, Copy)]
pub enum FieldKind {
    /// One value.
    Value(Scalar),
    /// An object.
    Object(&'static [FieldSpec]),
    /// A list of objects.
    List(&'static [FieldSpec]),
    /// A list of strings.
    Texts,
}

impl FieldSpec {
    /// A member with one value.
    #[must_use]
    pub const fn value(
        name: &'static str,
        kind: Scalar,
        description: &'static str,
        example: &'static str,
    ) -> Self {
        Self {
            name,
            kind: FieldKind::Value(kind),
            description,
            example,
        }
    }

    /// An object.
    #[must_use]
    pub const fn object(
        name: &'static str,
        description: &'static str,
        fields: &'static [Self],
    ) -> Self {
        Self {
            name,
            kind: FieldKind::Object(fields),
            description,
            example: "",
        }
    }

    /// A list of objects.
    #[must_use]
    pub const fn list(
        name: &'static str,
        description: &'static str,
        fields: &'static [Self],
    ) -> Self {
        Self {
            name,
            kind: FieldKind::List(fields),
            description,
            example: "",
        }
    }
}

/// An error that the operation itself declares, beside those of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorSpec {
    /// HTTP status.
    pub http_status: u16,
    /// The code.
    pub code: &'static str,
    /// The message.
    pub message: &'static str,
}

/// An operation.
#[derive(Debug, Clone, Copy)]
pub struct OperationSpec {
    /// Whose operation it is.
    pub product: Product,
    /// Its name on the wire.
    pub name: &'static str,
    /// What it does, in a few words.
    pub title: &'static str,
    /// What it does, and what to know.
    pub description: &'static str,
    /// Whether it changes something.
    pub access: Access,
    /// What a RAM policy calls it, `<ram code>:<Operation>`; `None` for an
    /// operation that every verified caller may call.
    pub ram_action: Option<&'static str>,
    /// Calls that an account has in any second.
    pub calls_per_second: u32,
    /// The parameters, in the order of the documentation.
    pub parameters: &'static [ParameterSpec],
    /// The members of the answer, in wire order.
    pub answer: &'static [FieldSpec],
    /// The errors that it declares.
    pub errors: &'static [ErrorSpec],
}
