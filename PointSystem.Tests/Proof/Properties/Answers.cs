using System.Text;
using System.Text.Json;
using PointSystem.Api.Features;
using PointSystem.Api.Ledger;
using PointSystem.Tests.Domain;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>Reads what the checker needs out of the answers that callers get.</summary>
internal static class Answers
{
    public static Operation Read(Operation asked, CommandOutcome outcome)
    {
        if (outcome.Error is { } error)
        {
            return asked with { Refusal = error.Code, Answer = error.Code };
        }
        var wire = PointJsonContext.Wire;
        var answered = asked with { Answer = Encoding.UTF8.GetString(outcome.Answer.Span) };
        switch (asked.Step.Kind)
        {
            case StepKind.Accumulate:
                var lot = JsonSerializer.Deserialize(answered.Answer, wire.AccumulationResponse)!;
                return answered with { PointKey = lot.PointKey, After = lot.AvailableAmount };
            case StepKind.CancelLot:
                var cancelled = JsonSerializer.Deserialize(answered.Answer, wire.AccumulationResponse)!;
                return answered with { PointKey = cancelled.PointKey, After = cancelled.AvailableAmount };
            case StepKind.Use:
                var usage = JsonSerializer.Deserialize(answered.Answer, wire.UsageResponse)!;
                return answered with
                {
                    PointKey = usage.PointKey,
                    Parts = [.. usage.UsageDetails.Select(detail => new Part(detail.AccumulationKey, detail.Amount))],
                    After = usage.CancelledAmount,
                };
            case StepKind.CancelUsage:
                var back = JsonSerializer.Deserialize(answered.Answer, wire.CancellationResponse)!;
                return answered with
                {
                    PointKey = back.PointKey,
                    Parts = [.. back.Restored.Select(part => new Part(part.AccumulationKey, part.Amount))],
                    After = back.Usage!.CancelledAmount,
                };
            default:
                var transfer = JsonSerializer.Deserialize(answered.Answer, wire.TransferResponse)!;
                return answered with
                {
                    PointKey = transfer.PointKey,
                    Parts = [.. transfer.Details.Select(part => new Part(part.SourceAccumulationKey, part.Amount))],
                    NewLots = [.. transfer.Details.Select(part => part.AccumulationKey)],
                };
        }
    }
}
