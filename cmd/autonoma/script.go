package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"autonoma/internal/model/script"
)

// scriptCommand serves a script over the wires of real providers, for tests and
// demonstrations of whatever speaks them.
func (w world) scriptCommand() *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use:   "script FILE",
		Short: "Play a scripted model over HTTP, as Anthropic Messages, Chat Completions and Responses",
		Args:  exactly(1, "one file"),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := script.Load(args[0])
			if err != nil {
				return err
			}
			ln, err := new(net.ListenConfig).Listen(c.Context(), "tcp", listen)
			if err != nil {
				return fmt.Errorf("listen: %w", err)
			}
			fmt.Fprintf(w.Stdout, "http://%s\n", ln.Addr())
			srv := &http.Server{Handler: script.NewServer(s), ReadHeaderTimeout: 10 * time.Second}
			context.AfterFunc(c.Context(), func() { srv.Close() })
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address to listen on")
	return c
}
