// A family of values as costs of modes and of pairs of modes. What a family costs is a sum over
// sets of labels (a memory group; a label within one): a weight that is due when someone reads a
// label of the set and its maker makes none. With a variable that says whether the set is at hand,
//
//   weight * [a reader is in the set] * [the maker is not]
//     = min over hand: sum over readers weight * [in the set][not at hand]
//                      + weight * [at hand][the maker is not in the set]
//
// so that pairs are enough however many places read it.

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <set>

#include "passes/solver/pair_model.h"

namespace pot {
namespace {

/// Counts within Weight::ties: transposes above reshapes above changes. Each count stays below the
/// next one's unit up to 2^20 ports and places; beyond that ties are decided less sharply, bytes
/// never.
class Scale {
 public:
  explicit Scale(const LayoutProblem& problem) {
    std::size_t terms = problem.places.size() + 1;
    for (const auto& family : problem.families) terms += family.ports.size();
    shift_ = (60 - static_cast<int>(std::bit_width(terms))) / 2;
    most_ = (std::int64_t{1} << 60) / static_cast<std::int64_t>(terms);
  }

  [[nodiscard]] std::int64_t bytes(std::int64_t amount) const noexcept {
    return std::clamp(amount, -most_, most_);
  }
  [[nodiscard]] std::int64_t transpose() const noexcept { return std::int64_t{1} << (2 * shift_); }
  [[nodiscard]] std::int64_t reshape() const noexcept { return std::int64_t{1} << shift_; }

 private:
  int shift_;
  std::int64_t most_;
};

/// For each mode of a place, whether something holds.
using InModes = std::vector<bool>;

bool always(const InModes& modes) {
  return std::ranges::all_of(modes, [](bool in) { return in; });
}
bool never(const InModes& modes) {
  return std::ranges::none_of(modes, [](bool in) { return in; });
}

/// One set of labels of a family: who is in it.
struct Term {
  Weight weight;
  std::map<std::size_t, InModes> reads;  ///< by place; without the one that makes the family
  std::optional<std::size_t> maker;
  InModes makes;      ///< of the maker
  InModes own_reads;  ///< of the maker
};

void add_to_maker(PairModel& model, const Term& term, bool read_by_others) {
  for (std::size_t mode = 0; mode < term.makes.size(); ++mode) {
    if (!term.makes[mode] && (read_by_others || term.own_reads[mode])) {
      model.add(*term.maker, mode, term.weight);
    }
  }
}

void add_one_reader(PairModel& model, const Term& term) {
  const std::size_t place = term.reads.begin()->first;
  const InModes& reads = term.reads.begin()->second;
  if (term.maker && !(never(term.makes) && never(term.own_reads))) {
    model.add_pair(place, *term.maker, [&](std::size_t reader, std::size_t maker) {
      const bool due = (reads[reader] || term.own_reads[maker]) && !term.makes[maker];
      return due ? term.weight : Weight{};
    });
    return;
  }
  for (std::size_t mode = 0; mode < reads.size(); ++mode) {
    if (reads[mode]) model.add(place, mode, term.weight);
  }
}

void add_many_readers(PairModel& model, const Term& term) {
  const std::size_t at_hand = model.add_variable({Weight{}, Weight{}});
  for (const auto& each : term.reads) {
    const InModes& reads = each.second;
    model.add_pair(each.first, at_hand, [&](std::size_t mode, std::size_t hand) {
      return reads[mode] && hand == 0 ? term.weight : Weight{};
    });
  }
  if (!term.maker || (never(term.makes) && never(term.own_reads))) {
    model.add(at_hand, 1, term.weight);
    return;
  }
  model.add_pair(*term.maker, at_hand, [&](std::size_t mode, std::size_t hand) {
    const bool due = !term.makes[mode] && (hand == 1 || term.own_reads[mode]);
    return due ? term.weight : Weight{};
  });
}

void add_term(PairModel& model, const Term& term) {
  if (term.maker && always(term.makes)) return;
  const bool surely =
      std::ranges::any_of(term.reads, [](const auto& each) { return always(each.second); });
  if (term.maker && (surely || term.reads.empty())) {
    add_to_maker(model, term, surely);
  } else if (surely) {
    model.add_fixed(term.weight);
  } else if (term.reads.empty()) {
    return;
  } else if (term.reads.size() == 1) {
    add_one_reader(model, term);
  } else {
    add_many_readers(model, term);
  }
}

class FamilyTerms {
 public:
  FamilyTerms(PairModel& model, const LayoutProblem::Family& family) : model_(model) {
    for (const auto& port : family.ports) {
      for (const std::size_t label : port.label) {
        occurring_[family.group[label]].insert(label);
        if (!port.makes) read_[family.group[label]].insert(label);
      }
      if (port.makes) maker_ = &port;
    }
    for (const auto& port : family.ports) {
      if (!port.makes) readers_.push_back(&port);
    }
  }

  void add(std::int64_t bytes, std::int64_t transpose, std::int64_t reshape) {
    for (const auto& [group, labels] : read_) {
      if (occurring_[group].size() == 1) {
        add_set({bytes, transpose}, labels);
        continue;
      }
      add_set({bytes, transpose - reshape}, occurring_[group]);
      for (const std::size_t label : labels) add_set({0, reshape}, {label});
    }
  }

 private:
  void add_set(Weight weight, const std::set<std::size_t>& labels) {
    Term term{weight, {}, {}, {}, {}};
    if (maker_ != nullptr) {
      term.maker = maker_->place;
      for (const std::size_t label : maker_->label) term.makes.push_back(labels.contains(label));
      term.own_reads.resize(maker_->label.size());
    }
    for (const auto* reader : readers_) {
      InModes& reads = term.maker == reader->place ? term.own_reads : term.reads[reader->place];
      reads.resize(reader->label.size());
      for (std::size_t mode = 0; mode < reads.size(); ++mode) {
        if (labels.contains(reader->label[mode])) reads[mode] = true;
      }
    }
    std::erase_if(term.reads, [](const auto& each) { return never(each.second); });
    add_term(model_, term);
  }

  PairModel& model_;
  const LayoutProblem::Port* maker_ = nullptr;
  std::vector<const LayoutProblem::Port*> readers_;
  std::map<std::size_t, std::set<std::size_t>> occurring_;  ///< labels by group
  std::map<std::size_t, std::set<std::size_t>> read_;
};

}  // namespace

PairModel pair_model(const LayoutProblem& problem) {
  const Scale scale(problem);
  PairModel model;
  for (const auto& place : problem.places) {
    std::vector<Weight> costs;
    for (const std::int64_t cost : place.mode_cost) {
      costs.push_back({scale.bytes(cost), costs.empty() ? 0 : 1});
    }
    model.add_variable(std::move(costs));
  }
  for (const auto& family : problem.families) {
    if (family.constant) continue;
    const std::int64_t bytes = scale.bytes(std::max<std::int64_t>(family.bytes, 0));
    FamilyTerms(model, family).add(bytes, scale.transpose(), scale.reshape());
  }
  return model;
}

}  // namespace pot
