// Tells what KEDA's own scaler makes of a trigger's metadata, which come as JSON.
package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
)

func main() {
	config := &scalersconfig.ScalerConfig{AuthParams: map[string]string{}, ResolvedEnv: map[string]string{}}
	if err := json.NewDecoder(os.Stdin).Decode(&config.TriggerMetadata); err != nil {
		panic(err)
	}
	answer := map[string]any{}
	if err := ask(config, answer); err != nil {
		answer["error"] = err.Error()
	}
	_ = json.NewEncoder(os.Stdout).Encode(answer)
}

func ask(config *scalersconfig.ScalerConfig, answer map[string]any) error {
	scaler, err := scalers.NewRedisStreamsScaler(context.Background(), false, false, config)
	if err != nil {
		return err
	}
	metrics, active, err := scaler.GetMetricsAndActivity(context.Background(), "lag")
	if err != nil {
		return err
	}
	target := scaler.GetMetricSpecForScaling(context.Background())[0].External.Target
	answer["value"], answer["active"] = metrics[0].Value.AsApproximateFloat64(), active
	answer["target"] = target.AverageValue.AsApproximateFloat64()
	return nil
}
