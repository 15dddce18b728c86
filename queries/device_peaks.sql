-- what: What each device was measured to do at most, flop/s by element type and B/s, beside its data sheet.
-- parameter: node text = -- The node; all where it is not given.
-- show: node device_name kind dtype peak:unit data_sheet:unit of_data_sheet:percent sessions label

SELECT
    node, device_name, kind, dtype, peak, data_sheet, peak / data_sheet AS of_data_sheet, unit, sessions, label,
    device
FROM device_peaks
WHERE $node IS NULL OR node = $node
ORDER BY node, device_name, device, kind, dtype
