#include "mesh/link_matrix.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace parrhesia::mesh {
namespace {

base::NodeId node(std::uint8_t number) {
    base::NodeId id;
    id.bytes.fill(number);
    return id;
}

NodeSet nodes(std::initializer_list<std::uint8_t> numbers) {
    NodeSet result;
    for (const std::uint8_t number : numbers) result.insert(node(number));
    return result;
}

Partition seen_by_1(const LinkMatrix& matrix, const NodeSet& expected, const NodeSet& alive = {}) {
    return judge(node(1), matrix, expected, alive).partition;
}

TEST(LinkMatrix, TheRegistryTellsADeadPeerFromOneThatIsSplitOff) {
    const LinkMatrix matrix{{node(1), nodes({2})}, {node(2), nodes({1})}};
    EXPECT_EQ(seen_by_1(matrix, nodes({2, 3})), Partition::peer_dead);
    EXPECT_EQ(seen_by_1(matrix, nodes({2, 3}), nodes({1, 2, 3})), Partition::full_split);
    EXPECT_EQ(seen_by_1(matrix, nodes({2, 3, 4})), Partition::full_split) << "for all it knows";
    EXPECT_EQ(seen_by_1(matrix, nodes({2, 3, 4}), nodes({1, 2})), Partition::peer_dead);
}

TEST(LinkMatrix, ACutIsNamedWhoeverSaysIt) {
    const LinkMatrix matrix{
        {node(1), nodes({2, 3})}, {node(2), nodes({1})}, {node(3), nodes({1, 2})}};
    const MatrixVerdict verdict = judge(node(1), matrix, nodes({2, 3}));
    EXPECT_EQ(verdict.partition, Partition::cut_link);
    EXPECT_EQ(verdict.cut, (decltype(verdict.cut){{node(2), node(3)}}));
}

TEST(LinkMatrix, WhoIsNotExpectedIsNotMissed) {
    const LinkMatrix matrix{{node(1), nodes({2})}, {node(2), nodes({1, 3})}};
    EXPECT_EQ(seen_by_1(matrix, nodes({2})), Partition::none) << "3 has only just come up";
    EXPECT_EQ(seen_by_1({{node(1), {}}}, {}), Partition::none) << "alone, and nobody else was here";
}

}  // namespace
}  // namespace parrhesia::mesh
