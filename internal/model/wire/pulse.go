package wire

import (
	"context"
	"errors"
	"io"
	"net/url"
	"time"
)

// errDead is why a request was given up.
var errDead = errors.New("nothing came for too long")

// A pulse gives up a request when no byte has come for a while.
type pulse struct {
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	timer  *time.Timer
	idle   time.Duration
}

func watch(ctx context.Context, idle time.Duration) *pulse {
	ctx, cancel := context.WithCancelCause(ctx)
	return &pulse{
		ctx:    ctx,
		cancel: cancel,
		timer:  time.AfterFunc(idle, func() { cancel(errDead) }),
		idle:   idle,
	}
}

func (p *pulse) beat()      { p.timer.Reset(p.idle) }
func (p *pulse) pause()     { p.timer.Stop() }
func (p *pulse) dead() bool { return errors.Is(context.Cause(p.ctx), errDead) }
func (p *pulse) stop() {
	p.timer.Stop()
	p.cancel(nil)
}

// reader returns r, each read of which is a sign of life.
func (p *pulse) reader(r io.Reader) io.Reader { return beating{r, p} }

type beating struct {
	io.Reader
	*pulse
}

func (b beating) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if n > 0 {
		b.beat()
	}
	return n, err
}

// unwrapURL takes off the part of an error that repeats the URL.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
