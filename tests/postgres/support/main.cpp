// Without a server there is nothing to test: the program says so, and ends with 77 ("skipped").
#include "support/postgres_server.hpp"

#include <gtest/gtest.h>

#include <cstdio>

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    const std::string missing = parrhesia::test::PostgresServer::what_is_missing();
    if (!missing.empty()) {
        std::printf("skipped: %s\n", missing.c_str());
        return 77;
    }
    return RUN_ALL_TESTS();
}
