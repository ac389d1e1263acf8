// Package scalers is KEDA's, less the scalers of all but Redis; these stand in files of theirs.
package scalers

const (
	externalMetricType = "External"
	stringDisable      = "disable"
	stringEnable       = "enable"
)
