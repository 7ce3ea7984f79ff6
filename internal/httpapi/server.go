package httpapi

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer returns a server of the API that neither slow nor endless requests
// can hold up. Its Shutdown ends the streams, whose clients come again, and waits
// for all other requests.
func NewServer(cfg Config) *http.Server {
	s, h := build(cfg)
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       bodyTime + 10*time.Second,
		WriteTimeout:      time.Minute, // streams and files have their own limit
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
	srv.RegisterOnShutdown(s.close)
	return srv
}
