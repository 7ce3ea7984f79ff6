package sandbox

import (
	"context"
	"errors"
)

func openNone(ctx context.Context) (Sandbox, []Check, error) { return nil, nil, errors.New("x") }
