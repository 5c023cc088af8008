// Who sees whom: what the heartbeats of all peers say together about a partition.
#pragma once

#include "parrhesia/base/bytes.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <vector>

namespace parrhesia::mesh {

using NodeSet = std::set<base::NodeId>;
// Rows that this node knows: its own, and those of the peers it has a live link with.
using LinkMatrix = std::map<base::NodeId, NodeSet>;

enum class Partition : std::uint8_t {
    none,
    peer_dead,   // one node that nobody sees
    cut_link,    // one pair that does not see each other, while others see both
    partial,     // several such pairs
    full_split,  // several nodes that nobody on this side sees, or one that is alive elsewhere
};
[[nodiscard]] std::string_view to_text(Partition partition) noexcept;

struct MatrixVerdict {
    Partition partition = Partition::none;
    std::vector<std::pair<base::NodeId, base::NodeId>> cut;  // pairs, lower id first
    std::vector<base::NodeId> unseen;                        // by anybody on this side
    friend bool operator==(const MatrixVerdict&, const MatrixVerdict&) = default;
};

// `expected`: nodes that should be there: those that were up once and have not said GOODBYE.
// `alive_elsewhere`: nodes that something else than the mesh (the registry) knows to be alive.
// From inside a cluster two nodes that died together cannot be told from two that were split off:
// both are full_split, unless the registry knows better.
[[nodiscard]] MatrixVerdict judge(const base::NodeId& self, const LinkMatrix& matrix,
                                  const NodeSet& expected, const NodeSet& alive_elsewhere = {});

}  // namespace parrhesia::mesh
