#include "mesh/link_matrix.hpp"

#include <algorithm>

namespace parrhesia::mesh {

std::string_view to_text(Partition partition) noexcept {
    switch (partition) {
        case Partition::none:
            return "none";
        case Partition::peer_dead:
            return "peer_dead";
        case Partition::cut_link:
            return "cut_link";
        case Partition::partial:
            return "partial";
        case Partition::full_split:
            return "full_split";
    }
    return "unknown";
}

MatrixVerdict judge(const base::NodeId& self, const LinkMatrix& matrix, const NodeSet& expected,
                    const NodeSet& alive_elsewhere) {
    NodeSet seen{self};
    for (const auto& [node, up] : matrix) {
        seen.insert(node);
        seen.insert(up.begin(), up.end());
    }
    MatrixVerdict verdict;
    for (const auto& node : expected) {
        if (!seen.contains(node)) verdict.unseen.push_back(node);
    }
    // A pair is cut if one of the two says that it does not see the other. Heartbeats are a moment
    // old, so the other may still say that it does.
    for (const auto& [row, up] : matrix) {
        for (const auto& node : seen) {
            const bool counts = node == self || expected.contains(node);
            if (counts && node != row && !up.contains(node)) {
                verdict.cut.emplace_back(std::min(row, node), std::max(row, node));
            }
        }
    }
    std::ranges::sort(verdict.cut);
    const auto repeated = std::ranges::unique(verdict.cut);
    verdict.cut.erase(repeated.begin(), repeated.end());

    const bool lives_elsewhere = std::ranges::any_of(
        verdict.unseen,
        [&alive_elsewhere](const base::NodeId& node) { return alive_elsewhere.contains(node); });
    const bool may_live = alive_elsewhere.empty() && verdict.unseen.size() > 1;
    if (lives_elsewhere || may_live) {
        verdict.partition = Partition::full_split;
    } else if (!verdict.unseen.empty()) {
        verdict.partition = Partition::peer_dead;
    } else if (verdict.cut.size() > 1) {
        verdict.partition = Partition::partial;
    } else if (!verdict.cut.empty()) {
        verdict.partition = Partition::cut_link;
    }
    return verdict;
}

}  // namespace parrhesia::mesh
