#include "app/command_line.hpp"
#include "app/server.hpp"

#include <unistd.h>

#include <csignal>

int main(int argc, char** argv) {
    // A closed pipe or socket is an error like any other, told by write().
    std::signal(SIGPIPE, SIG_IGN);
    return parrhesia::app::run_command_line(argc, argv, environ, parrhesia::app::run_relay);
}
