package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"autonoma"
	"autonoma/api"
)

type healthOut struct {
	Status int
	Body   api.Health
}

// health tells how the server is: 200 as long as it works, if not as it should.
func (s *server) health(ctx context.Context, _ autonoma.Actor, _ *struct{}) (*healthOut, error) {
	services := map[string]api.Service{}
	if s.Health != nil {
		services = s.Health(ctx)
	}
	worst := api.Healthy
	for _, service := range services {
		if slices.Index(api.HealthStatuses, service.Status) > slices.Index(api.HealthStatuses, worst) {
			worst = service.Status
		}
	}
	status := http.StatusOK
	if worst == api.Unhealthy {
		status = http.StatusServiceUnavailable
	}
	return &healthOut{status, api.Health{Status: worst, Version: s.Version, Timestamp: api.Seconds(s.now()), Services: services}}, nil
}

type infoOut struct {
	Body api.Info
}

func (s *server) info(_ context.Context, by autonoma.Actor, _ *struct{}) (*infoOut, error) {
	return &infoOut{api.Info{
		Name: "autonoma", Version: s.Version, APIVersion: api.Version, Endpoints: s.listing, Documentation: "/docs",
		Limits: api.Limits{
			BodyBytes: api.MaxBody, TaskCharacters: autonoma.MaxTask,
			Commands: autonoma.MaxCommands, CommandBytes: autonoma.MaxCommand,
			MetadataPairs: autonoma.MaxMetadata, MetadataBytes: autonoma.MaxMetadataBytes, PageSize: api.MaxPage,
		},
		Plan: by.Plan, WebhookEvents: autonoma.HookTypes(), Features: append([]string{}, s.Features...),
	}}, nil
}

// readyz tells a load balancer whether to send requests here. It tells nobody
// why.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.Ready != nil {
		if err := s.Ready(r.Context()); err != nil {
			noteOf(r.Context()).err = err
			plain(w, http.StatusServiceUnavailable, "not ready\n")
			return
		}
	}
	plain(w, http.StatusOK, "ok\n")
}

func (s *server) openapi(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(s.document())))
}
