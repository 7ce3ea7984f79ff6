package sandbox

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"autonoma/internal/sandbox/stage"
)

// wayOut puts a socket into a bundle, at which egress listens and to which the stage
// forwards. The function it returns ends that.
func (b *bundle) wayOut(c Command, spec *stage.Spec) (end func(), err error) {
	if c.Egress == nil {
		return func() {}, nil
	}
	dir := filepath.Join(b.dir, "out")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the way out of a command: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "unix", filepath.Join(dir, "socket"))
	if err != nil {
		return nil, fmt.Errorf("open the way out of a command: %w", err)
	}
	b.mounts = append(b.mounts, ociMount{stage.OutDir, "bind", dir, []string{"rbind", "nosuid", "nodev", "ro"}})
	spec.Forward = wayOutPort
	return serveWayOut(c.Egress, l), nil
}
