package sandbox

import "context"

func proveLevel(ctx context.Context, s Sandbox) ([]Check, error) { return nil, nil }
