/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands of usherctl.
 *
 * Each gets the arguments behind "usherctl". @argv[0] is "usherctl" and the command's
 * name: getopt_long() prints it in its messages. Each returns the exit status.
 */
#ifndef USHERCTL_COMMANDS_H
#define USHERCTL_COMMANDS_H

int cmd_bench(int argc, char **argv);
int cmd_bind(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_read(int argc, char **argv);
int cmd_regs(int argc, char **argv);
int cmd_slice(int argc, char **argv);
int cmd_unbind(int argc, char **argv);
int cmd_write(int argc, char **argv);

#endif /* USHERCTL_COMMANDS_H */
