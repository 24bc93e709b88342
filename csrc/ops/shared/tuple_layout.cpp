#include "ops/shared/tuple_layout.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <vector>

#include "ops/shared/axis_layout.h"
#include "ops/shared/broadcast_layout.h"

namespace pot {
namespace {

constexpr Operand kTuples{.slot = 1};

/// How many axes each part has.
struct Parts {
  std::size_t batch = 0;  ///< in front of table, tuples and rows
  std::size_t lead = 0;   ///< of the tuples behind them, but the last
  std::size_t named = 0;  ///< of the table, by one tuple
  std::size_t slice = 0;  ///< of the table behind them
};

/// How the axes of each part lie among themselves. Those that a tuple names stay.
struct Orders {
  Permutation batch;
  Permutation lead;
  Permutation slice;
};

Result<Parts> parts_of(const LayoutNode& node, const TupleRoles& roles) {
  const auto table = known_rank(node, roles.tables.front());
  if (!table) return table.error();
  const auto tuples = known_rank(node, kTuples);
  if (!tuples) return tuples.error();
  const auto named =
      tuples.value() > 0 ? node.at().in(1).dims->back().number() : std::optional<std::int64_t>(-1);
  if (!named) return refuse("how many axes its indices name is not known");
  const std::int64_t batch = node.at().attr_int("batch_dims", 0);
  const auto rank = static_cast<std::int64_t>(table.value());
  const auto lead = static_cast<std::int64_t>(tuples.value()) - 1 - batch;
  if (batch < 0 || lead < 0 || *named < 0 || *named > rank - batch || batch > rank) {
    return refuse("its indices do not fit its ranks");
  }
  return Parts{static_cast<std::size_t>(batch), static_cast<std::size_t>(lead),
               static_cast<std::size_t>(*named), static_cast<std::size_t>(rank - batch - *named)};
}

/// The order among themselves of `count` axes from `first` on, which lie there in any case.
std::optional<Permutation> part(const Permutation& perm, std::size_t first, std::size_t count) {
  if (first + count > perm.rank()) return std::nullopt;
  std::vector<std::int64_t> order;
  for (std::size_t place = first; place < first + count; ++place) {
    order.push_back(static_cast<std::int64_t>(perm[place]) - static_cast<std::int64_t>(first));
  }
  return Permutation::of(order);
}

Permutation joined(std::initializer_list<Permutation> parts) {
  std::vector<std::int64_t> order;
  for (const Permutation& each : parts) {
    const auto first = static_cast<std::int64_t>(order.size());
    for (const std::int64_t axis : each.ints()) order.push_back(first + axis);
  }
  return *Permutation::of(order);
}

/// The orders that an operand of this layout has; nothing when its parts mix.
std::optional<Orders> orders_of(const Permutation& perm, const Parts& parts, bool is_table,
                                bool is_rows) {
  Orders orders{Permutation::identity(parts.batch), Permutation::identity(parts.lead),
                Permutation::identity(parts.slice)};
  const std::size_t middle = is_table ? parts.named : parts.lead;
  const std::size_t last = is_table || is_rows ? parts.slice : 1;
  const auto batch = part(perm, 0, parts.batch);
  const auto among = part(perm, parts.batch, middle);
  const auto behind = part(perm, parts.batch + middle, last);
  if (!batch || !among || !behind || (is_table && !among->is_identity())) return std::nullopt;
  orders.batch = *batch;
  if (!is_table) orders.lead = *among;
  if (is_table || is_rows) orders.slice = *behind;
  return orders;
}

}  // namespace

Result<Relayout> tuple_layout(const LayoutNode& node, Operand asked, const Layout& layout,
                              const TupleRoles& roles) {
  const bool is_table = std::ranges::find(roles.tables, asked) != roles.tables.end();
  const bool is_rows = asked == roles.rows;
  if (!is_table && !is_rows && asked != kTuples) {
    return refuse(operand_label(node, asked) + " is read as it is");
  }
  const auto parts = parts_of(node, roles);
  if (!parts) return parts.error();
  const auto plain = require_plain(layout);
  if (!plain) return plain.error();
  const auto orders = orders_of(layout.perm, parts.value(), is_table, is_rows);
  if (!orders) return refuse("axes that its indices name move among others");
  const auto& [batch, lead, slice] = *orders;
  Relayout made = unmoved(node);
  const auto put = [&](Operand operand, Permutation perm) {
    const auto rank = known_rank(node, operand);
    if (!rank) return Status(rank.error());
    if (rank.value() != perm.rank()) return Status(refuse("its indices do not fit its ranks"));
    (operand.output ? made.outputs : made.inputs)[operand.slot] = Layout(std::move(perm));
    return ok_status();
  };
  const auto tuples = put(kTuples, joined({batch, lead, Permutation::identity(1)}));
  if (!tuples) return tuples.error();
  const auto rows = put(roles.rows, joined({batch, lead, slice}));
  if (!rows) return rows.error();
  for (const Operand table : roles.tables) {
    const auto whole =
        put(table, joined({batch, Permutation::identity(parts.value().named), slice}));
    if (!whole) return whole.error();
  }
  return made;
}

}  // namespace pot
