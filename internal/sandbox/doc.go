// Package sandbox confines one command: what it may see, touch, use and outlive.
//
// The one idea: a command is started in a world made for it alone (its files,
// its processes, its network) and that world ends with the command. Nothing is
// trusted to have worked because a kernel is new enough: a level of confinement
// is used only after it has been started once and its claims have been tried
// from the inside, see [Open].
//
// # What a command sees
//
// At the levels for which [MapsPaths] holds a command runs as the unprivileged user 1000 in a
// read-only root made of the host's system directories, a short /etc of our own,
// private /dev, /proc, /tmp and /dev/shm, its workspace at [WorkspacePath], its
// home at [HomePath], and the mounts the caller adds. It has its own process,
// network, IPC, host name and user namespaces, no capabilities, no way to gain
// any, a seccomp filter, Landlock rules where the kernel has them, and the
// limits of [Limits]. Its network has nothing but a loopback of its own. With
// [Command.Egress] there is one way out of it: a proxy of the caller's, which no
// name server and no route stands beside.
//
// # Levels
//
//   - [GVisor]: the program runsc is the kernel of the new world.
//   - [Namespaces]: our own program, started again as process 1 of the new world.
//   - [Bubblewrap]: the program bwrap, with the same view and the same filter.
//   - [Container]: podman makes the world, without an image.
//   - [Landlock]: rules and a filter alone, in the host's directories and namespaces.
//   - [None]: no confinement, only a clean end; used by explicit word alone.
//
// More levels are more implementations of [Sandbox] and one more line in the
// list that [Open] walks.
//
// # Limits
//
// Where this process was given a control group of its own (cgroup v2), each command
// but those of [GVisor] and [Container] runs in one below it, and the kernel holds it to memory, processes, CPU and
// input/output. Elsewhere resource limits and a watch do, without the last two. What
// a command adds to the disk is watched at all levels. The report of a level says
// which it is.
//
// # What it does not do
//
// It knows nothing of git, of runs or of policy; it does not cut output or filter
// the network by host; it never changes the owner of a file of the host. A program that uses it calls [Init] first in main.
package sandbox
