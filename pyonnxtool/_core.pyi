"""The C++ core. tests/unit/test_stub.py compares this file with the module."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from numpy.typing import ArrayLike, NDArray
from typing_extensions import Buffer

_Name: TypeAlias = str | Value
_Operand: TypeAlias = Value | Tensor | ArrayLike | None
_Attribute: TypeAlias = (
    int | float | str | bytes | Tensor | NDArray[Any] | Sequence[int | float] | Sequence[str]
)

class OpInfo:
    """What is known of one operator."""

    @property
    def domain(self) -> str: ...
    @property
    def op_type(self) -> str: ...
    @property
    def alias(self) -> bool: ...
    @property
    def random(self) -> bool: ...
    @property
    def commutative(self) -> bool: ...
    @property
    def non_tensor(self) -> bool: ...
    @property
    def has_shape_rule(self) -> bool:
        """Without one, the onnx package's inference is asked."""
    @property
    def accumulation(self) -> str: ...

def op_table() -> list[OpInfo]: ...

class DiffStats:
    """What two tensors have in common and what not. d = ref - got where both are finite.

    Places with a NaN or an infinity on either side are counted and enter no sum, maximum or
    histogram. An index is flat, and None when nothing differs.
    """

    histogram_edges: tuple[float, ...]
    """Lower edges of the decades of |d|: 1e-16, 1e-15 ... 1e8."""

    @property
    def dtype(self) -> str:
        """The ONNX name; "string" for arrays of str or bytes, which have counts only."""
    @property
    def count(self) -> int: ...
    @property
    def compared(self) -> int:
        """Places where both sides are finite."""
    @property
    def unequal(self) -> int:
        """Equal are: equal numbers, -0 and +0, NaN and NaN, infinities of one sign."""
    @property
    def zero_ref_unequal(self) -> int:
        """Places where ref is zero and got is not: they have no relative difference."""
    @property
    def max_abs(self) -> float:
        """Max |d|, rounded once (to float for elements that float holds); int for integers."""
    @property
    def max_abs_index(self) -> int | None: ...
    @property
    def max_rel(self) -> float:
        """Max |d| / |ref| over places where ref is not zero."""
    @property
    def max_rel_index(self) -> int | None: ...
    @property
    def sum_abs(self) -> float: ...
    @property
    def sum_sq(self) -> float: ...
    @property
    def ref_sq(self) -> float: ...
    @property
    def got_sq(self) -> float: ...
    @property
    def dot(self) -> float: ...
    @property
    def max_ulp(self) -> int:
        """Steps of the tensor's own dtype, both zeros being one; for integers max |d|."""
    @property
    def nan_ref(self) -> int: ...
    @property
    def nan_got(self) -> int: ...
    @property
    def nan_both(self) -> int: ...
    @property
    def nan_mismatch(self) -> int: ...
    @property
    def pos_inf_ref(self) -> int: ...
    @property
    def neg_inf_ref(self) -> int: ...
    @property
    def pos_inf_got(self) -> int: ...
    @property
    def neg_inf_got(self) -> int: ...
    @property
    def inf_mismatch(self) -> int:
        """No NaN, at least one infinity, and not the same infinity on both sides."""
    @property
    def first_nonfinite_mismatch(self) -> int | None: ...
    @property
    def ref_min(self) -> float | None:
        """Over the finite values of that side; None when there is none."""
    @property
    def ref_max(self) -> float | None: ...
    @property
    def ref_abs_max(self) -> float:
        """0.0 when no value of ref is finite."""
    @property
    def got_min(self) -> float | None: ...
    @property
    def got_max(self) -> float | None: ...
    @property
    def histogram(self) -> tuple[int, ...]:
        """Compared places by |d|: zero, below the first edge, then a bin from each edge on."""

def diff_stats(
    ref: NDArray[Any] | Buffer,
    got: NDArray[Any] | Buffer,
    dtype: str | None = None,
    *,
    count: int | None = None,
) -> DiffStats:
    """Compare two C-contiguous arrays of one dtype and size; shapes are the caller's matter.

    `dtype` says what the bytes are when the arrays do not: float8 in uint8, or elements of 4 and
    2 bits packed as ONNX packs them, `count` of them (default: as many as there is room for).
    TypeError or ValueError says what does not fit.
    """

def hash_bytes(data: NDArray[Any] | Buffer) -> int:
    """XXH64 of the bytes: 64 bits, the same on every machine."""

def narrow_to_half(
    floats: NDArray[Any], halves: NDArray[Any], stay_finite: bool = False
) -> tuple[int, int, int]:
    """Rounds C-contiguous float32 into an array of float16, to the nearest, ties to even.

    How many overflowed (finite ones that become infinite, or the largest half with `stay_finite`),
    became subnormal, and vanished: were not zero and are. TypeError or ValueError for arrays that
    do not fit.
    """

class Model:
    """A model; its weights stay in its files."""

    @property
    def path(self) -> str:
        """Empty when from memory."""
    @property
    def folder(self) -> str:
        """Where external data is looked up; "" when there is no such place."""
    @property
    def graph(self) -> Graph: ...
    @property
    def functions(self) -> list[Function]: ...
    @property
    def ir_version(self) -> int: ...
    @property
    def opset_imports(self) -> dict[str, int]:
        """Domain ("" for ai.onnx) to version."""
    @property
    def producer_name(self) -> str: ...
    @property
    def producer_version(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def model_version(self) -> int: ...
    @property
    def doc_string(self) -> str: ...
    @property
    def metadata(self) -> dict[str, str]: ...
    def set_opset_import(self, domain: str, version: int) -> None:
        """Adds or changes it."""
    def remove_opset_import(self, domain: str) -> None: ...
    def set_ir_version(self, version: int) -> None: ...
    def set_producer_name(self, text: str) -> None:
        """An empty text takes the field away, here and wherever a text is set."""
    def set_producer_version(self, text: str) -> None: ...
    def set_domain(self, text: str) -> None: ...
    def set_model_version(self, version: int | None) -> None: ...
    def set_doc_string(self, text: str) -> None: ...
    def set_metadata(self, key: str, value: str) -> None:
        """Adds or changes it."""
    def remove_metadata(self, key: str) -> None: ...
    def adopt_function(
        self, function: Function, name: str = "", domain: str | None = None
    ) -> Function:
        """Adds a copy of a function of any model, under its own name and domain unless given.

        Raises UsageError when there is one of that name.
        """
    def remove_function(self, function: Function) -> None: ...
    def copy(self) -> Model:
        """An independent model that shares all bytes."""
    def prune(self) -> dict[str, int]:
        """Removes nodes, weights, functions and imports that no output needs: what, how many."""
    def touch(self) -> None:
        """Marks everything as changed, so that it is written anew from its fields."""
    def verify(self) -> list[str]:
        """What is wrong with the graphs, each problem with its node."""
    def to_bytes(self, weights: str = "inside", folder: str = "", threshold: int = 1024) -> bytes:
        """The model as one message of at most 2 GB.

        "inside": all weights in it. "keep": external entries as they are. "link": tensors of
        `threshold` bytes and more that lie in a file become external entries with a location
        relative to `folder`.
        """
    def save(
        self,
        path: str,
        weights: str = "auto",
        force: bool = False,
        *,
        threshold: int = 1024,
        alignment: int = 0,
        file_each: bool = False,
    ) -> None:
        """Writes the model, all of it or nothing.

        `weights`: "auto" (inside, or external where it was or where it has to be), "keep",
        "inside", "external" (one file `<name>.data`), "link" (entries that point to where the
        bytes are). `force` overwrites a file that is not the model's own.

        External are tensors of `threshold` bytes and more, integers (which may be shapes) from
        64 KiB on. Each starts at a multiple of `alignment` (0: a page, or 64 bytes for those below
        one), or has a file of its own in the folder `<name>.weights` with `file_each`.
        """
    def external_files(self) -> list[str]: ...

class Function:
    """A model-local function."""

    @property
    def name(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def overload(self) -> str: ...
    @property
    def doc_string(self) -> str: ...
    @property
    def metadata(self) -> dict[str, str]: ...
    @property
    def opset_imports(self) -> dict[str, int]: ...
    def set_opset_import(self, domain: str, version: int) -> None:
        """Adds or changes it."""
    def remove_opset_import(self, domain: str) -> None: ...
    def set_doc_string(self, text: str) -> None: ...
    def set_metadata(self, key: str, value: str) -> None:
        """Adds or changes it."""
    def remove_metadata(self, key: str) -> None: ...
    @property
    def attributes(self) -> list[str]:
        """Names, those with a default last."""
    @property
    def graph(self) -> Graph:
        """The body."""

class Graph:
    """A graph: of a model, of a function, or a body of a node.

    A value is given by its name or by itself. Nodes and values that are handed out are of this
    graph for good: after an edit they say what is true then. Lists are of the moment that they are
    asked for. An edit that would break the graph raises ModelError and leaves it whole: a second
    producer for a name, an input that nothing makes, a cycle, a name that is taken. What is dearer
    to find out `verify` tells. Recipes: pyonnxtool/surgery/recipes.md.
    """

    @property
    def name(self) -> str: ...
    @property
    def doc_string(self) -> str: ...
    @property
    def metadata(self) -> dict[str, str]: ...
    def set_name(self, text: str) -> None: ...
    def set_doc_string(self, text: str) -> None: ...
    def set_metadata(self, key: str, value: str) -> None:
        """Adds or changes it."""
    def remove_metadata(self, key: str) -> None: ...
    @property
    def nodes(self) -> list[Node]:
        """Those of now, in the order of the file; `for` skips what is removed meanwhile."""
    @property
    def node_count(self) -> int: ...
    @property
    def inputs(self) -> list[Value]:
        """In the order of the file; of old models, weights that are inputs too among them."""
    @property
    def outputs(self) -> list[Value]: ...
    @property
    def initializers(self) -> list[Tensor]:
        """The weights of this graph; `value(name).initializer` is one of them."""
    @property
    def values(self) -> list[Value]:
        """Every value that this graph mentions."""
    @property
    def parent(self) -> Graph | None:
        """The graph around a body; None of a main graph and of a function."""
    @property
    def model(self) -> Model: ...
    def value(self, name: _Name) -> Value:
        """Raises ModelError when there is none of this name."""
    def defines(self, name: str) -> bool:
        """Whether it is an input, an initializer or made by a node here."""
    def node(self, id: int | str) -> Node:
        """By its id, or the first one of this name. Raises ModelError when there is none."""
    def verify(self) -> list[str]:
        """What is wrong with the graph and what is inside of it, each problem with its node.

        Cycles, values that nothing or more than one node makes; where there are none, types that
        the schema of an operator does not take, and declared ones that are not what is made.
        """
    def order(self) -> list[Node]:
        """The nodes, producers first. Raises ModelError for a cycle."""
    def text(self) -> str:
        """One node a line."""
    def op(
        self,
        op_type: str,
        *args: _Operand,
        outputs: int | Sequence[_Name] = 1,
        name: str = "",
        domain: str = "",
        before: Node | None = None,
        **kwargs: _Attribute | None,
    ) -> Any:
        """Adds a node; what it makes: a Value, or a tuple of several.

        An input is a value, None where it is omitted, or an array or number, which becomes a
        constant (a float of the dtype of the values beside it). Keywords are attributes; a dtype
        may be given by its name: `to="float16"`. `outputs` says how many there are, or how they are
        called. The node is listed after what makes its inputs, or before another one.
        """
    def constant(
        self, value: Tensor | ArrayLike, name: str = "constant", dtype: str | None = None
    ) -> Value:
        """Adds a constant as `Tensor` reads it, under this name or one like it."""
    def add_node(
        self,
        op_type: str,
        inputs: Sequence[_Operand],
        outputs: Sequence[_Name],
        name: str = "",
        domain: str = "",
        attributes: Mapping[str, _Attribute | None] = {},
        before: Node | None = None,
    ) -> Node:
        """Adds a node at the end, or before another one; inputs as `op` takes them."""
    def insert_after(
        self,
        value: _Name,
        build: Callable[[Value], _Name],
        readers: Sequence[Node] | None = None,
    ) -> Value:
        """Calls `build` with the value; its readers read what that returns from now on.

        An output keeps its name and its declared type, and is what was built too. `readers`: only
        these nodes read it, and an output stays as it is.
        """
    def adopt(self, node: Node, names: Mapping[str, str] = {}, before: Node | None = None) -> Node:
        """Copies a node of another graph to the end of this one, or before a node of it.

        Its operands, and what its bodies read from around them, are called as `names` says.
        """
    def remove_node(self, node: Node) -> None:
        """What it made has no producer then, until something makes it; see `Node.bypass`."""
    def rename_value(self, name: _Name, new_name: str) -> None:
        """Renames it everywhere, bodies that read it included.

        Raises ModelError when the name is taken, here or around.
        """
    def rename_values(self, names: Sequence[tuple[str, str]]) -> None:
        """As `rename_value`, of several (old, new) in one pass; no value of now has a new name."""
    def order_inputs(self, names: Sequence[_Name]) -> None:
        """Lists the inputs in this order. Raises UsageError for others."""
    def order_outputs(self, names: Sequence[_Name]) -> None:
        """Lists the outputs in this order. Raises UsageError for others."""
    def replace_uses(self, name: _Name, other: _Name) -> None:
        """Nodes and bodies that read `name` read `other`, of this graph or of one around it.

        That may be made later. Raises ModelError where making it needs what it is to replace.
        """
    def add_output(self, name: _Name) -> None:
        """Makes a value an output, without a type."""
    def remove_output(self, name: _Name) -> None:
        """The value and what makes it stay; `Model.prune` takes away what nothing needs."""
    def sort(self) -> None:
        """Lists producers before their consumers."""
    def set_initializer(self, tensor: Tensor | ArrayLike, name: str = "") -> None:
        """Adds or replaces it; the bytes of a tensor are shared. An array needs a name."""
    def remove_initializer(self, name: _Name) -> None:
        """Of the value, if it has one."""
    def add_input(
        self,
        name: str,
        dtype: str | None = None,
        shape: Sequence[int | str | None] | None = None,
    ) -> None:
        """Declares an input at the end."""
    def remove_input(self, name: _Name) -> None:
        """What reads it has to read something else: see `replace_uses`."""
    def declare(
        self, name: _Name, dtype: str | None, shape: Sequence[int | str | None] | None = None
    ) -> None:
        """Declares the type of a value; None forgets it.

        A dtype such as "float32" (or "sequence(float32)"), sizes that are numbers, names, or None.
        """
    def forget_types(self) -> None:
        """Forgets what is declared of values that nodes make, outputs included."""
    def declare_like(self, name: _Name, other: Value) -> None:
        """Declares the type that another value has, of any kind and of any graph."""
    def set_value_doc_string(self, name: _Name, text: str) -> None:
        """Of an input, an output, or a value with a declared type."""
    def fresh_name(self, base: str) -> str:
        """A name that nothing here, around or inside uses."""
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

class Node:
    """A node of one graph. Raises ModelError once it has been removed."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def op_type(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def overload(self) -> str: ...
    @property
    def doc_string(self) -> str: ...
    @property
    def metadata(self) -> dict[str, str]: ...
    def set_name(self, text: str) -> None: ...
    def set_doc_string(self, text: str) -> None: ...
    def set_metadata(self, key: str, value: str) -> None:
        """Adds or changes it."""
    def remove_metadata(self, key: str) -> None: ...
    @property
    def inputs(self) -> list[Value | None]:
        """None for an omitted one."""
    @property
    def outputs(self) -> list[Value | None]: ...
    @property
    def input_names(self) -> list[str]:
        """Empty for an omitted one."""
    @property
    def output_names(self) -> list[str]: ...
    @property
    def attributes(self) -> dict[str, Any]:
        """int, float, str (bytes when it is not UTF-8), Tensor, Graph, the text of a type, lists.

        "@name" stands for the attribute `name` of the function around it.
        """
    @property
    def subgraphs(self) -> list[Graph]:
        """Its bodies: the branches of an If, the body of a Loop or a Scan."""
    @property
    def captured(self) -> list[Value]:
        """Values of the node's own graph that its bodies read."""
    @property
    def graph(self) -> Graph: ...
    @property
    def label(self) -> str:
        """For messages: "node 'conv1' (Conv)"."""
    def alone(self) -> Model:
        """A model that holds a copy of this node and nothing else."""
    def bypass(self, input: int | None = None) -> Value:
        """Removes the node; readers of its first output read one of its inputs, which is returned.

        That is the only one, or the only one that is no constant, unless its number is given.
        Outputs of the graph keep their names: where an input is an output by it, the node becomes
        an Identity. Raises ModelError where another output is read.
        """
    def set_attribute(self, name: str, value: _Attribute) -> None:
        """An array becomes a tensor, the name of a dtype its number where there is one."""
    def remove_attribute(self, name: str) -> None: ...
    def set_inputs(self, names: Sequence[_Name | None]) -> None:
        """An omitted one is None or empty. Raises ModelError for a name that nothing makes."""
    def set_outputs(self, names: Sequence[_Name | None]) -> None:
        """An omitted one is None or empty. Raises ModelError for one that something else makes."""
    def set_op_type(self, op_type: str, domain: str = "") -> None:
        """Inputs and attributes stay; a new domain is imported by `Model.set_opset_import`."""
    def text(self) -> str:
        """As text: "y = Conv(x, w) {group=1}"."""
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

class Value:
    """A named value of one graph."""

    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str | None:
        """As it is declared: "float32"; None of what is no tensor, and where nobody says."""
    @property
    def shape(self) -> tuple[int | str | None, ...] | None:
        """As it is declared: numbers, names, None for an open size; None without a rank."""
    @property
    def kind(self) -> str:
        """One of "tensor", "sparse", "sequence", "optional", "map" or "unknown"."""
    @property
    def type_text(self) -> str:
        """Such as "float32[n, 3]"."""
    @property
    def doc_string(self) -> str: ...
    @property
    def producer(self) -> Node | None:
        """The node of this graph that makes it; None of inputs, weights and outer values."""
    @property
    def consumers(self) -> list[Node]:
        """Nodes of this graph that read it, by an input or in a body."""
    @property
    def is_input(self) -> bool: ...
    @property
    def is_output(self) -> bool: ...
    @property
    def is_outer(self) -> bool:
        """Read here, but defined in a graph around this one."""
    @property
    def initializer(self) -> Tensor | None:
        """The weight, if the value is one of this graph's own."""
    @property
    def graph(self) -> Graph: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

class Tensor:
    """A constant; its elements are read when they are asked for."""

    def __init__(self, value: Tensor | ArrayLike, name: str = "", dtype: str | None = None) -> None:
        """The elements of an array, or of numbers or text: floats as float32, integers as int64.

        A tensor and a read-only array are shared, another array is copied. Elements are cast to
        `dtype`, if that is given. Raises UsageError for what ONNX has no dtype for.
        """
    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def nbytes(self) -> int:
        """0 for strings."""
    @property
    def is_external(self) -> bool: ...
    @property
    def location(self) -> tuple[str, int, int] | None:
        """(file, offset, length) of the elements, None when they are not on disk as they are."""
    def forget(self) -> None:
        """Lets the memory of elements that are mapped from a file go until they are read again.

        Arrays that `numpy` returned stay valid.
        """
    def numpy(self) -> NDArray[Any]:
        """The elements as a read-only array, a view wherever it can be one.

        Raises ModelError when their number does not fit the shape, or a file cannot be read.
        """

def load(path: str) -> Model:
    """Maps a model file; no weight is read."""

def from_bytes(data: bytes, folder: str = "", path: str = "") -> Model:
    """A model over these bytes. External data is looked up in `folder`.

    `path` is the file that the model stands for: it may be saved over it.
    """

def save_together(
    models: Sequence[tuple[Model, str]], data_path: str, links: Mapping[str, str] = {}
) -> None:
    """Writes each model to its path, and their large tensors to one file, equal ones once.

    All are of one folder, and whatever has these names already is replaced. What lies in a file of
    `links` is not copied: entries point to it by the name that it is given there.
    """

class Alignment:
    """Which value and node of a candidate is which of a reference."""

    @property
    def values(self) -> list[tuple[str, str, bool]]:
        """(reference, candidate, sure), in topological order of the candidate."""
    @property
    def nodes(self) -> list[tuple[int, int, bool]]:
        """(reference id, candidate id, same), in topological order of the candidate."""
    @property
    def no_ops(self) -> list[int]:
        """Ids of candidate nodes that only hand a value through."""
    @property
    def constants(self) -> list[tuple[str, str]]: ...
    @property
    def ambiguous(self) -> list[str]: ...
    @property
    def unmatched(self) -> list[str]: ...
    @property
    def unmatched_reference(self) -> list[str]: ...
    @property
    def fused(self) -> list[str]:
        """Of `unmatched_reference`: inside a region that stands for one of the candidate."""
    @property
    def doubtful(self) -> list[str]:
        """Paired candidate values that nothing but their surroundings told."""
    @property
    def rearranged(self) -> list[str]:
        """Paired candidate values that may hold the elements in another order or shape."""

def align(
    reference: Model,
    candidate: Model,
    inputs: Sequence[tuple[str, str]],
    outputs: Sequence[tuple[str, str]],
    ours: Mapping[str, Sequence[Fingerprint]] = {},
    theirs: Mapping[str, Sequence[Fingerprint]] = {},
    given: Sequence[tuple[str, str]] = (),
    apart: Sequence[tuple[str, str]] = (),
) -> Alignment:
    """Pairs the values and nodes of two main graphs by structure and by what values hold.

    `inputs` and `outputs` pair the graphs' own, `given` pairs what the user knows, `apart` lists
    pairs that must not be. `ours` and `theirs`: fingerprints by value name, one for each sample.
    """

class Fingerprint:
    """What a tensor is known by in another model: statistics that rounding changes little.

    All but `ordered` and `shape` are equal for every permutation and reshape. Elements that are
    not finite or beyond 1e30 are counted, and enter nothing else. squash(x) = x / (1 + |x|).
    """

    @property
    def count(self) -> int: ...
    @property
    def nan(self) -> int: ...
    @property
    def huge_positive(self) -> int: ...
    @property
    def huge_negative(self) -> int: ...
    @property
    def min(self) -> float: ...
    @property
    def max(self) -> float: ...
    @property
    def mean(self) -> float: ...
    @property
    def rms(self) -> float: ...
    @property
    def squashed(self) -> float:
        """Mean of squash(x)."""
    @property
    def squashed_abs(self) -> float: ...
    @property
    def squashed_sq(self) -> float: ...
    @property
    def ordered(self) -> list[float]:
        """Two sums of squash(x) times a pseudo-random number of the index, over sqrt(count)."""
    @property
    def shape(self) -> tuple[int, ...]: ...

def fingerprint(array: NDArray[Any]) -> Fingerprint:
    """TypeError for text and complex numbers, ValueError when it is not C-contiguous."""

def alike(ours: Sequence[Fingerprint], theirs: Sequence[Fingerprint]) -> bool:
    """Whether two values are equal, in every sample, but for rounding, order and shape."""

def same_form(ours: Sequence[Fingerprint], theirs: Sequence[Fingerprint]) -> bool:
    """Whether two values that are alike have their elements in the same order and shape."""

def float_sketch(
    model: Model, rectifiers: bool = False
) -> tuple[Model, list[tuple[str, str, str]]]: ...
def extract(
    model: Model,
    given: Sequence[tuple[str, str | None, Sequence[int] | None]],
    outputs: Sequence[str],
    detach: bool = False,
) -> tuple[Model, list[str], list[str]]: ...
def cut_out(model: Model, given: Sequence[str], outputs: Sequence[str]) -> tuple[Model, list[str]]:
    """A copy without what `outputs` do not need when `given` are handed in, and what is fed to it.

    What stays keeps its bytes and its order. Inputs are in the order of `given`, then those of the
    old model that are read. Raises ModelError for a name that the graph does not have, one that is
    given and an output too, and a cycle.
    """

def put_beside(
    first: Model,
    second: Model,
    names: Mapping[str, str],
    joined: Mapping[str, str],
    sizes: Mapping[str, int | str],
) -> tuple[Model, dict[str, str]]:
    """A copy of the first model with the graph of the second beside its own; bytes are shared.

    `names` are new names of values that the second defines, bodies included; `joined` inputs of the
    second, by their old names, to values of the first that take their place; `sizes` named sizes of
    the second to what they are in the first. Also returns new names of sizes that both have, though
    nothing says that they are the same. Header, imports and functions are those of the first.
    """

def extract_shapes(
    model: Model,
    given: Sequence[tuple[str, str | None, Sequence[int] | None]],
    outputs: Sequence[str],
) -> tuple[Model, list[str], list[str]]: ...
def frontier(
    model: Model, given: Sequence[str], outputs: Sequence[str], detach: bool = False
) -> list[str]: ...
def region(
    model: Model, given: Sequence[str], outputs: Sequence[str], detach: bool = False
) -> list[int]: ...
def produced_values(model: Model) -> list[str]: ...

CALLED_FROM: str
"""Metadata key of inlined nodes; the text says which function they are from."""

def inline_functions(
    model: Model,
    same_meaning: Callable[[str, str, int, int], bool],
    functions: Sequence[tuple[str, str, str]] | None = None,
) -> tuple[Model, list[tuple[str, str]]]:
    """Of `functions` only those: (domain, name, overload); all functions stay in the model then."""

def take_apart(
    model: Model,
    control: bool,
    max_unroll: int,
    fallback: Callable[[bytes], bytes | None] | None = None,
) -> tuple[list[tuple[str, int]], list[tuple[str, str]]]:
    """Known items in place of sequences and optionals, in the model itself.

    With `control` also the nodes of an If whose branch is known, and of a Loop or a Scan of at most
    `max_unroll` turns. Returns (what was done, how often) and (old value, value in its place).
    """

def body_model(
    model: Model,
    node: int,
    attribute: str,
    types: Mapping[str, str] = {},
    more: Sequence[str] = [],
) -> tuple[Model, list[str], list[str], list[str]]: ...

class Fact:
    """What is known of a value before the model runs."""

    @property
    def kind(self) -> str:
        """One of "tensor", "sequence", "optional", "other" or "unknown"."""
    @property
    def dtype(self) -> str | None: ...
    @property
    def dims(self) -> list[int | float | str | None] | None:
        """A number or an expression ("h//2"); None for a size that only the data decides.

        None in all: even the rank is not known.
        """
    @property
    def elements(self) -> list[int | float | str | None] | None:
        """Of shape arithmetic and small constants, row-major; None when they are not tracked."""
    @property
    def reasons(self) -> list[str]:
        """Why sizes and elements are not known, sorted."""
    @property
    def is_constant(self) -> bool: ...
    @property
    def items(self) -> list[Fact] | None:
        """Of a sequence whose length is known; of an optional: the one that it holds, or none."""
    @property
    def inner(self) -> Fact | None:
        """What is true of every item of a sequence, or of the content of an optional."""

class ShapeFacts:
    """Facts of the values of a model. Raises ModelError once an edit has removed a graph of it."""

    def value(self, name: str, graph: Graph | None = None) -> Fact:
        """Of the main graph, or of this body. Raises ModelError when there is no such value."""
    def __iter__(self) -> Iterator[tuple[Value, Fact]]:
        """Every value of the main graph, then those of bodies, outer ones first."""
    @property
    def without_rule(self) -> list[Node]:
        """Nodes for whose operator there is no rule, so that the fallback was asked.

        A call of a function stands for the nodes in it.
        """
    @property
    def by_fallback(self) -> list[Node]:
        """Those of them that the fallback knew something of."""
    @property
    def contradictions(self) -> list[tuple[Node, str]]:
        """Nodes whose sizes contradict each other, with the message that says which."""

def infer_shapes(
    model: Model, fallback: Callable[[bytes], bytes | None] | None = None
) -> ShapeFacts:
    """Infers types, shapes and shape arithmetic of every value.

    `fallback` is given a model of one node for which there is no rule, and returns the same model
    with the types of its outputs, or None. Raises ModelError for a cycle.
    """

class Leftover:
    """A value whose size is not a number."""

    @property
    def value(self) -> str: ...
    @property
    def node(self) -> str:
        """What makes it, as messages name it."""
    @property
    def shape(self) -> str:
        """Such as "[1, ?, 4]"; ? is a size that only the data decides."""
    @property
    def reason(self) -> str: ...

class Specialized:
    """A model for fixed sizes, and how it was made."""

    @property
    def model(self) -> Model: ...
    @property
    def changes(self) -> list[tuple[str, int]]:
        """What was done and how often, in the order in which it first occurred."""
    @property
    def value_map(self) -> dict[str, str]:
        """Old name of a value to the name that stands for it now."""
    @property
    def left(self) -> list[tuple[str, str]]:
        """(node, reason) of what a rule would have changed and may not."""
    @property
    def leftovers(self) -> list[Leftover]: ...

def specialize(
    model: Model,
    shapes: Mapping[str, Sequence[int | str | None]] = {},
    dims: Mapping[str, int | str] = {},
    max_unroll: int = 64,
    max_growth: int | None = None,
    value_info: bool = False,
    evaluate: Callable[[Model, list[str]], Sequence[NDArray[Any]]] | None = None,
    fallback: Callable[[bytes], bytes | None] | None = None,
    same_meaning: Callable[[str, str, int, int], bool] | None = None,
) -> Specialized:
    """A model for these sizes: whatever follows from them is computed once.

    `evaluate` computes outputs of a model without inputs, for constants that no rule here computes;
    `fallback` is asked for shapes of operators without a rule. The argument is not changed. Raises
    ModelError for a name that is not there and for sizes that contradict each other.
    """

class RelaidNode:
    """One node in another layout, as a model of its own.

    Lists are by slot; None stands for an operand that is omitted or no longer read.
    """

    @property
    def model(self) -> Model:
        """Reads what the node reads at run time, in its new layouts; constants are relaid."""
    @property
    def inputs(self) -> list[list[int] | None]:
        """What is stored is `transpose(input, perm)`."""
    @property
    def outputs(self) -> list[list[int] | None]: ...
    @property
    def input_inner(self) -> list[list[tuple[int, list[int], list[int]]] | None]:
        """(axis, sizes of its factors, their order) of each axis that is reordered within."""
    @property
    def output_inner(self) -> list[list[tuple[int, list[int], list[int]]] | None]: ...
    @property
    def input_names(self) -> list[str | None]:
        """In the model; constants too."""
    @property
    def output_names(self) -> list[str | None]: ...

def relayout_node(
    model: Model,
    node: str,
    output: bool,
    slot: int,
    perm: Sequence[int],
    inner: Sequence[tuple[int, Sequence[int], Sequence[int]]] = [],
    fallback: Callable[[bytes], bytes | None] | None = None,
) -> RelaidNode:
    """How a node of the main graph looks when one of its operands is stored in another layout.

    Raises Refused with the reason of the layout rule, UsageError for what is not there or does not
    fit, and ModelError for a rule that answers something else than it was asked.
    """

CHANNELS_LAST_DOMAIN: str
"""Domain of channels-last functions unless another one is named."""

def channels_last_node(
    model: Model,
    node: str,
    filters: str = "oihw",
    domain: str = ...,
    fallback: Callable[[bytes], bytes | None] | None = None,
) -> RelaidNode:
    """A node of the main graph as a call of a channels-last function, which the model holds.

    Raises Refused with the reason of the operator's rule, UsageError for a node that is not there,
    another layout of filters, and a domain that cannot have the function.
    """

def expand_channels_last(
    model: Model, domain: str = ...
) -> tuple[Model, int, list[tuple[str, str, list[int]]]]:
    """The model with channels-last calls as plain operators between Transposes.

    (model, calls, [(value, old value, perm)]): `value` of the new main graph is `old value` of the
    old one, transposed by `perm`. Raises UsageError for a function of another form.
    """

class LayoutMove:
    """A Transpose, or a Reshape that moves nothing, that the new graph needs."""

    @property
    def value(self) -> str: ...
    @property
    def from_perm(self) -> list[int]:
        """Of the value that the Transposes around it start from; so is `to_perm`."""
    @property
    def to_perm(self) -> list[int]: ...
    @property
    def from_inner(self) -> list[tuple[int, list[int], list[int]]]: ...
    @property
    def to_inner(self) -> list[tuple[int, list[int], list[int]]]: ...
    @property
    def bytes(self) -> int: ...
    @property
    def between(self) -> str:
        """Who makes the value."""
    @property
    def readers(self) -> list[str]: ...
    @property
    def reason(self) -> str:
        """Why neither side can have the other's layout, or why that would cost more."""

class Relaid:
    """A model whose values are stored otherwise, and why."""

    @property
    def model(self) -> Model: ...
    @property
    def changes(self) -> list[tuple[str, int]]:
        """What was done and how often; empty for a model that is given back as it is."""
    @property
    def value_map(
        self,
    ) -> list[tuple[str, str, list[int] | None, list[tuple[int, list[int], list[int]]]]]:
        """(value, old value, perm, inner): `value` is `transpose(old value, perm)`.

        `inner` says which axes of the old value are reordered within: (axis, sizes of its factors,
        their order). Sorted by value; of several old values the nearest comes last.
        """
    @property
    def border(self) -> dict[str, list[int]]:
        """Inputs and outputs that lie otherwise than before."""
    @property
    def before(self) -> tuple[int, int]:
        """(Transposes that move something, bytes) of one run."""
    @property
    def after(self) -> tuple[int, int]: ...
    @property
    def optimum(self) -> int:
        """No plan moves fewer bytes."""
    @property
    def method(self) -> str: ...
    @property
    def moves(self) -> list[LayoutMove]: ...
    @property
    def left(self) -> list[tuple[str, str]]:
        """(place, reason) of what was asked for and cannot be."""
    @property
    def functions(self) -> list[str]:
        """Channels-last functions that were added."""
    @property
    def notes(self) -> list[str]: ...

def layout(
    model: Model,
    to: str = "fewest",
    io: Mapping[str, str | Sequence[int]] = {},
    only_cancel: bool = False,
    expand: bool = False,
    filters: str = "oihw",
    domain: str = ...,
    target_costs: Sequence[tuple[str, str, float]] = [],
    sizes: Mapping[str, int] = {},
    fallback: Callable[[bytes], bytes | None] | None = None,
) -> Relaid:
    """The same model with its values stored so that the fewest bytes are transposed.

    `to` is "fewest" or "channels_last", `io` name to "nchw", "nhwc" or an order of axes. The
    argument is not changed. Raises UsageError for a name that is not there, a layout that does not
    fit, and a choice that is not known.
    """
