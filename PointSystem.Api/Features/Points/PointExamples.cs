namespace PointSystem.Api.Features.Points;

/// <summary>The examples of the OpenAPI document. Together they show one sequence of requests.</summary>
internal static class PointExamples
{
    public const string Accumulation = "{" + AccumulationFields + ""","balanceAfter":1000,"version":1}""";

    private const string AccumulationFields =
        """
        "pointKey":"acc_B1z8CO5iksMvNGD0T2iJ2pg","memberId":7,"amount":1000,"availableAmount":1000,
         "expirationDate":"2027-11-23","isManualGrant":false,"status":"ACCUMULATED","sourcePointKey":null,
         "createdAt":"2026-11-23T00:08:18.999694+00:00","updatedAt":"2026-11-23T00:08:18.999694+00:00"
        """;

    public const string CancelledAccumulation =
        """
        {"pointKey":"acc_B1z8CO5iksMvNGD0T2iJ2pg","memberId":7,"amount":1000,"availableAmount":0,"expirationDate":"2027-11-23",
         "isManualGrant":false,"status":"CANCELLED","sourcePointKey":null,"createdAt":"2026-11-23T00:08:18.999694+00:00",
         "updatedAt":"2026-11-23T00:09:01.123456+00:00","balanceAfter":0,"version":2}
        """;

    public const string Usage =
        "{" + UsageFields + ""","balanceAfter":300,"version":4}""";

    public const string Cancellation =
        "{" + CancellationFields +
        """
        ,"usage":{"pointKey":"use_By-MsXGtLNWO8JGPmGdO_OI","memberId":7,"orderNumber":"A1234","totalAmount":1200,
         "cancelledAmount":600,"status":"PARTIALLY_CANCELLED","usageDetails":[{"accumulationKey":"acc_BzqIHauYrrO0ZBJxirOQjug",
         "amount":500,"cancelledAmount":500},{"accumulationKey":"acc_B1z8CO5iksMvNGD0T2iJ2pg","amount":700,
         "cancelledAmount":100}],"usageDetailsTotal":2,"usageDetailsNextCursor":null,
         "createdAt":"2026-11-23T00:08:20.009577+00:00","updatedAt":"2026-11-23T00:08:20.211807+00:00"},
         "balanceAfter":900,"version":6}
        """;

    public const string Transfer =
        "{" + TransferFields + ""","fromBalanceAfter":400,"fromVersion":7,"toBalanceAfter":500,"toVersion":1}""";

    public const string TransferRead = "{" + TransferFields + "}";

    private const string TransferFields =
        """
        "pointKey":"trf_B9MO-qqIaE-j3ZmpwcOvC3A","fromMemberId":7,"toMemberId":8,"amount":500,
         "details":[{"sourceAccumulationKey":"acc_BzqIHauYrrO0ZBJxirOQjug","accumulationKey":"acc_CEQRlex59oixDlljDFa3OEs",
         "amount":500,"expirationDate":"2026-12-23"}],"detailsTotal":1,"detailsNextCursor":null,"reason":null,
         "createdAt":"2026-11-23T00:08:20.384058+00:00"
        """;

    public const string Balance =
        """
        {"memberId":7,"balance":1000,"manualBalance":0,"asOf":"2026-11-23T00:08:20.478958+00:00","version":1,"accumulations":{"items":[{
        """ + AccumulationFields + """}],"nextCursor":null}}""";

    public const string Expiring =
        """
        {"memberId":7,"from":"2026-11-23","until":"2026-12-23","total":800,"items":[{"expirationDate":"2026-11-30","amount":300},
         {"expirationDate":"2026-12-23","amount":500}]}
        """;

    public const string History =
        """
        {"items":[{"pointKey":"use_By-MsXGtLNWO8JGPmGdO_OI","kind":"USE","amount":-1200,"balanceAfter":300,
         "orderNumber":"A1234","occurredAt":"2026-11-23T00:08:20.009577+00:00","actor":"anonymous","reason":null,
         "entries":[{"sequence":3,"accumulationKey":"acc_BzqIHauYrrO0ZBJxirOQjug","amount":-500},{"sequence":4,
         "accumulationKey":"acc_B1z8CO5iksMvNGD0T2iJ2pg","amount":-700}],"entriesTotal":2,"entriesNextCursor":null}],
         "nextCursor":null}
        """;

    public const string HistoryEntries =
        """{"items":[{"sequence":104,"accumulationKey":"acc_BzqIHauYrrO0ZBJxirOQjug","amount":-500}],"nextCursor":null}""";

    public const string UsageDetails =
        """{"items":[{"accumulationKey":"acc_BzqIHauYrrO0ZBJxirOQjug","amount":500,"cancelledAmount":0}],"nextCursor":null}""";

    public const string CancellationRead = "{" + CancellationFields + "}";

    public const string AccumulationTrace =
        """
        {"pointKey":"acc_B1z8CO5iksMvNGD0T2iJ2pg","memberId":7,"amount":1000,"availableAmount":250,
         "expirationDate":"2027-11-23","isManualGrant":false,"status":"ACCUMULATED","sourcePointKey":null,
         "createdAt":"2026-11-23T00:08:18.999694+00:00","updatedAt":"2026-11-23T00:08:20.384058+00:00",
         "usages":[{"usagePointKey":"use_By-MsXGtLNWO8JGPmGdO_OI","orderNumber":"A1234","amount":700,"cancelledAmount":100}],
         "usagesNextCursor":null,"transfers":[{"transferPointKey":"trf_B9MO-qqIaE-j3ZmpwcOvC3A","toMemberId":8,
         "accumulationKey":"acc_CIv1ICXzbh4RFjSv_T1WMD4","amount":150}]}
        """;

    public const string UsageTrace =
        "{" + UsageFields + ""","cancellations":[{""" + CancellationFields + """}],"cancellationsNextCursor":null}""";

    public const string Order = """{"orderNumber":"A1234","usages":[""" + UsageTrace + """],"nextCursor":null}""";

    public const string Statement =
        """
        {"memberId":7,"from":"2026-11-01","to":"2026-11-30","openingBalance":0,"closingBalance":300,"entriesTotal":2,"entries":[
         {"sequence":1,"occurredAt":"2026-11-23T00:08:18.999694+00:00","kind":"ACCUMULATE","pointKey":"acc_B1z8CO5iksMvNGD0T2iJ2pg",
         "accumulationKey":"acc_B1z8CO5iksMvNGD0T2iJ2pg","orderNumber":null,"amount":1000,"balanceAfter":1000,"reason":null},
         {"sequence":2,"occurredAt":"2026-11-23T00:08:20.009577+00:00","kind":"USE","pointKey":"use_By-MsXGtLNWO8JGPmGdO_OI",
         "accumulationKey":"acc_B1z8CO5iksMvNGD0T2iJ2pg","orderNumber":"A1234","amount":-700,"balanceAfter":300,"reason":null}],
         "nextCursor":null}
        """;

    private const string UsageFields =
        """
        "pointKey":"use_By-MsXGtLNWO8JGPmGdO_OI","memberId":7,"orderNumber":"A1234","totalAmount":1200,"cancelledAmount":0,
         "status":"USED","usageDetails":[{"accumulationKey":"acc_BzqIHauYrrO0ZBJxirOQjug","amount":500,"cancelledAmount":0},
         {"accumulationKey":"acc_B1z8CO5iksMvNGD0T2iJ2pg","amount":700,"cancelledAmount":0}],"usageDetailsTotal":2,
         "usageDetailsNextCursor":null,"createdAt":"2026-11-23T00:08:20.009577+00:00",
         "updatedAt":"2026-11-23T00:08:20.009577+00:00"
        """;

    private const string CancellationFields =
        """
        "pointKey":"can_B4ZsJuaOJUHAmQ6UNiARPs8","usagePointKey":"use_By-MsXGtLNWO8JGPmGdO_OI","memberId":7,
         "cancelledAmount":600,"restored":[{"accumulationKey":"acc_BzqIHauYrrO0ZBJxirOQjug","amount":500},
         {"accumulationKey":"acc_B1z8CO5iksMvNGD0T2iJ2pg","amount":100}],"regranted":[],"detailsTotal":2,
         "detailsNextCursor":null,"reason":null,"createdAt":"2026-11-23T00:08:20.211807+00:00"
        """;
}
