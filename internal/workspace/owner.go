package workspace

import (
	"os"
	"syscall"
)

// give makes the owner of the repository the owner of something we added to
// it. Only a server that runs as root adds to repositories of others and can
// do so; for all others there is nothing to do.
func (g giver) give(name string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := g.root.Stat(".")
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 && owner.Gid == 0 {
		return nil
	}
	return g.root.Lchown(name, int(owner.Uid), int(owner.Gid))
}
