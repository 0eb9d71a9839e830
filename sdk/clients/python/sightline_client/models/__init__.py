"""Contains all the data models used in inputs/outputs"""

from .accept_body import AcceptBody
from .account_answer import AccountAnswer
from .account_list import AccountList
from .ads_accept_events import AdsAcceptEvents
from .ads_accept_events_click import AdsAcceptEventsClick
from .ads_accept_events_click_kind import AdsAcceptEventsClickKind
from .ads_accept_events_viewable import AdsAcceptEventsViewable
from .ads_accept_events_viewable_kind import AdsAcceptEventsViewableKind
from .ads_accept_verdicts import AdsAcceptVerdicts
from .ads_accept_verdicts_verdict import AdsAcceptVerdictsVerdict
from .ads_accept_verdicts_verdict_drop_reason import AdsAcceptVerdictsVerdictDropReason
from .ads_decide_ad_request_body import AdsDecideAdRequestBody
from .ads_decide_ad_request_body_device_class import AdsDecideAdRequestBodyDeviceClass
from .ads_decide_ad_request_body_privacy_body import AdsDecideAdRequestBodyPrivacyBody
from .ads_decide_decision_answer import AdsDecideDecisionAnswer
from .ads_decide_decision_answer_creative_answer import (
    AdsDecideDecisionAnswerCreativeAnswer,
)
from .ads_decide_decision_answer_rules_answer import AdsDecideDecisionAnswerRulesAnswer
from .ads_decide_explain import AdsDecideExplain
from .ads_decide_no_bid_answer import AdsDecideNoBidAnswer
from .ads_decide_no_bid_answer_no_bid import AdsDecideNoBidAnswerNoBid
from .ads_decide_trace_answer import AdsDecideTraceAnswer
from .ads_decide_trace_answer_fate_answer import AdsDecideTraceAnswerFateAnswer
from .ads_decide_trace_answer_refused import AdsDecideTraceAnswerRefused
from .ads_decide_trace_answer_refused_additional_property import (
    AdsDecideTraceAnswerRefusedAdditionalProperty,
)
from .ads_txt_state import AdsTxtState
from .alive import Alive
from .appeal import Appeal
from .appeal_body import AppealBody
from .appeal_decision import AppealDecision
from .approval_body import ApprovalBody
from .asset_answer import AssetAnswer
from .asset_answer_details import AssetAnswerDetails
from .asset_kind import AssetKind
from .asset_page import AssetPage
from .attempt_answer import AttemptAnswer
from .attesting import Attesting
from .bid_kind import BidKind
from .bidder_answer import BidderAnswer
from .bidder_answer_today import BidderAnswerToday
from .bidder_body import BidderBody
from .bidder_change import BidderChange
from .bidder_list import BidderList
from .block_answer import BlockAnswer
from .block_body import BlockBody
from .block_kind import BlockKind
from .block_page import BlockPage
from .campaign_answer import CampaignAnswer
from .campaign_body import CampaignBody
from .campaign_category import CampaignCategory
from .campaign_change import CampaignChange
from .campaign_counts import CampaignCounts
from .campaign_money import CampaignMoney
from .campaign_page import CampaignPage
from .campaign_status import CampaignStatus
from .campaign_view import CampaignView
from .chain_view import ChainView
from .conversion_answer import ConversionAnswer
from .conversion_page import ConversionPage
from .conversions_report_postback import ConversionsReportPostback
from .conversions_report_postback_answer import ConversionsReportPostbackAnswer
from .creative_answer import CreativeAnswer
from .creative_body import CreativeBody
from .creative_change import CreativeChange
from .creative_page import CreativePage
from .creative_status import CreativeStatus
from .creative_versions import CreativeVersions
from .day_parts import DayParts
from .day_parts_body import DayPartsBody
from .deal_answer import DealAnswer
from .deal_body import DealBody
from .deal_page import DealPage
from .deal_status import DealStatus
from .delivery_answer import DeliveryAnswer
from .delivery_details import DeliveryDetails
from .delivery_page import DeliveryPage
from .delivery_status import DeliveryStatus
from .device_class import DeviceClass
from .dispute_answer import DisputeAnswer
from .dispute_outcome import DisputeOutcome
from .document_answer import DocumentAnswer
from .document_kind import DocumentKind
from .document_page import DocumentPage
from .ended import Ended
from .entry_answer import EntryAnswer
from .entry_answer_details import EntryAnswerDetails
from .entry_page import EntryPage
from .epoch_view import EpochView
from .erasure_answer import ErasureAnswer
from .erasure_answer_blanked import ErasureAnswerBlanked
from .erasure_answer_deleted import ErasureAnswerDeleted
from .erasure_answer_kept import ErasureAnswerKept
from .erasure_answer_kept_because import ErasureAnswerKeptBecause
from .erasure_body import ErasureBody
from .exchange_answer import ExchangeAnswer
from .exchange_body import ExchangeBody
from .exchange_change import ExchangeChange
from .exchange_list import ExchangeList
from .export_answer import ExportAnswer
from .export_page import ExportPage
from .external_demand import ExternalDemand
from .field_problem import FieldProblem
from .filtered_answer import FilteredAnswer
from .filtered_answer_events import FilteredAnswerEvents
from .flag_answer import FlagAnswer
from .flag_answer_amounts_micro_usdc import FlagAnswerAmountsMicroUsdc
from .flag_answer_events import FlagAnswerEvents
from .flag_answer_evidence import FlagAnswerEvidence
from .flag_decision import FlagDecision
from .flag_page import FlagPage
from .flag_status import FlagStatus
from .forecast_answer import ForecastAnswer
from .forecast_body import ForecastBody
from .form import Form
from .frequency_cap import FrequencyCap
from .frequency_cap_body import FrequencyCapBody
from .goal_answer import GoalAnswer
from .goal_body import GoalBody
from .goal_change import GoalChange
from .goal_counts import GoalCounts
from .goal_counts_verdicts import GoalCountsVerdicts
from .goal_kind import GoalKind
from .goal_made import GoalMade
from .goal_page import GoalPage
from .goal_secret_body import GoalSecretBody
from .goal_status import GoalStatus
from .head_answer import HeadAnswer
from .heard import Heard
from .how_to_fund import HowToFund
from .how_to_fund_args import HowToFundArgs
from .invitation_answer import InvitationAnswer
from .invitation_body import InvitationBody
from .invitation_list import InvitationList
from .key_answer import KeyAnswer
from .key_body import KeyBody
from .key_page import KeyPage
from .line_answer import LineAnswer
from .line_item_answer import LineItemAnswer
from .line_item_body import LineItemBody
from .line_item_change import LineItemChange
from .line_item_explanation import LineItemExplanation
from .line_item_page import LineItemPage
from .line_item_status import LineItemStatus
from .listing_answer import ListingAnswer
from .listing_body import ListingBody
from .listing_status import ListingStatus
from .me import Me
from .member_answer import MemberAnswer
from .member_change import MemberChange
from .member_list import MemberList
from .member_role import MemberRole
from .method import Method
from .money import Money
from .movement_answer import MovementAnswer
from .network_answer import NetworkAnswer
from .network_body import NetworkBody
from .network_page import NetworkPage
from .new_key import NewKey
from .no_ad_answer import NoAdAnswer
from .nonce_answer import NonceAnswer
from .notice_answer import NoticeAnswer
from .notice_answer_content import NoticeAnswerContent
from .notice_page import NoticePage
from .objection_body import ObjectionBody
from .offered_answer import OfferedAnswer
from .offered_page import OfferedPage
from .onramp_answer import OnrampAnswer
from .onramp_answer_transaction_details import OnrampAnswerTransactionDetails
from .onramp_body import OnrampBody
from .onramp_page import OnrampPage
from .onramp_status import OnrampStatus
from .opened_answer import OpenedAnswer
from .opened_onramp_answer import OpenedOnrampAnswer
from .opened_onramp_answer_transaction_details import (
    OpenedOnrampAnswerTransactionDetails,
)
from .openrtb_bid_body import OpenrtbBidBody
from .openrtb_bid_body_imp_item import OpenrtbBidBodyImpItem
from .openrtb_bid_response_200 import OpenrtbBidResponse200
from .openrtb_bid_response_200_seatbid_item import OpenrtbBidResponse200SeatbidItem
from .openrtb_bid_response_200_seatbid_item_bid_item import (
    OpenrtbBidResponse200SeatbidItemBidItem,
)
from .organisation_answer import OrganisationAnswer
from .organisation_body import OrganisationBody
from .overview import Overview
from .pacing import Pacing
from .partner_status import PartnerStatus
from .payment_answer import PaymentAnswer
from .payment_body import PaymentBody
from .payment_page import PaymentPage
from .payment_status import PaymentStatus
from .payout_mode import PayoutMode
from .permission import Permission
from .placement_answer import PlacementAnswer
from .placement_body import PlacementBody
from .placement_change import PlacementChange
from .placement_kind import PlacementKind
from .placement_page import PlacementPage
from .platform_role import PlatformRole
from .price_kind import PriceKind
from .problem import Problem
from .profile_answer import ProfileAnswer
from .profile_body import ProfileBody
from .proof import Proof
from .proof_answer import ProofAnswer
from .proof_body import ProofBody
from .proof_way import ProofWay
from .publisher_answer import PublisherAnswer
from .publisher_change import PublisherChange
from .publisher_view import PublisherView
from .range_answer import RangeAnswer
from .read_answer import ReadAnswer
from .read_body import ReadBody
from .readiness import Readiness
from .readiness_chain import ReadinessChain
from .readiness_database import ReadinessDatabase
from .readiness_redis import ReadinessRedis
from .reason_answer import ReasonAnswer
from .reconciliation_answer import ReconciliationAnswer
from .reconciliation_answer_report import ReconciliationAnswerReport
from .reconciliation_page import ReconciliationPage
from .refund_answer import RefundAnswer
from .refund_body import RefundBody
from .refund_status import RefundStatus
from .refusal_body import RefusalBody
from .rejection_reason import RejectionReason
from .review_answer import ReviewAnswer
from .review_entry_answer import ReviewEntryAnswer
from .review_file_answer import ReviewFileAnswer
from .review_page import ReviewPage
from .role_answer import RoleAnswer
from .role_list import RoleList
from .seller_entry import SellerEntry
from .sellers_answer import SellersAnswer
from .session_answer import SessionAnswer
from .session_item import SessionItem
from .session_list import SessionList
from .settlement import Settlement
from .settlements import Settlements
from .share_body import ShareBody
from .side import Side
from .size_body import SizeBody
from .size_range import SizeRange
from .solvency import Solvency
from .statement_answer import StatementAnswer
from .status import Status
from .targeting import Targeting
from .targeting_body import TargetingBody
from .terms_answer import TermsAnswer
from .terms_page import TermsPage
from .tier import Tier
from .traffic import Traffic
from .traffic_dropped import TrafficDropped
from .traffic_no_bids import TrafficNoBids
from .unpaid_answer import UnpaidAnswer
from .unpaid_placement import UnpaidPlacement
from .unpaid_placement_reasons import UnpaidPlacementReasons
from .verify_body import VerifyBody
from .video_events import VideoEvents
from .video_events_events import VideoEventsEvents
from .webhook_answer import WebhookAnswer
from .webhook_body import WebhookBody
from .webhook_change import WebhookChange
from .webhook_change_status_type_0 import WebhookChangeStatusType0
from .webhook_page import WebhookPage
from .webhook_secret_body import WebhookSecretBody
from .webhook_status import WebhookStatus
from .whole_document import WholeDocument
from .world_ads import WorldAds
from .world_answer import WorldAnswer
from .world_body import WorldBody
from .world_category import WorldCategory
from .world_change import WorldChange
from .world_engine import WorldEngine
from .world_page import WorldPage

__all__ = (
    "AcceptBody",
    "AccountAnswer",
    "AccountList",
    "AdsAcceptEvents",
    "AdsAcceptEventsClick",
    "AdsAcceptEventsClickKind",
    "AdsAcceptEventsViewable",
    "AdsAcceptEventsViewableKind",
    "AdsAcceptVerdicts",
    "AdsAcceptVerdictsVerdict",
    "AdsAcceptVerdictsVerdictDropReason",
    "AdsDecideAdRequestBody",
    "AdsDecideAdRequestBodyDeviceClass",
    "AdsDecideAdRequestBodyPrivacyBody",
    "AdsDecideDecisionAnswer",
    "AdsDecideDecisionAnswerCreativeAnswer",
    "AdsDecideDecisionAnswerRulesAnswer",
    "AdsDecideExplain",
    "AdsDecideNoBidAnswer",
    "AdsDecideNoBidAnswerNoBid",
    "AdsDecideTraceAnswer",
    "AdsDecideTraceAnswerFateAnswer",
    "AdsDecideTraceAnswerRefused",
    "AdsDecideTraceAnswerRefusedAdditionalProperty",
    "AdsTxtState",
    "Alive",
    "Appeal",
    "AppealBody",
    "AppealDecision",
    "ApprovalBody",
    "AssetAnswer",
    "AssetAnswerDetails",
    "AssetKind",
    "AssetPage",
    "AttemptAnswer",
    "Attesting",
    "BidderAnswer",
    "BidderAnswerToday",
    "BidderBody",
    "BidderChange",
    "BidderList",
    "BidKind",
    "BlockAnswer",
    "BlockBody",
    "BlockKind",
    "BlockPage",
    "CampaignAnswer",
    "CampaignBody",
    "CampaignCategory",
    "CampaignChange",
    "CampaignCounts",
    "CampaignMoney",
    "CampaignPage",
    "CampaignStatus",
    "CampaignView",
    "ChainView",
    "ConversionAnswer",
    "ConversionPage",
    "ConversionsReportPostback",
    "ConversionsReportPostbackAnswer",
    "CreativeAnswer",
    "CreativeBody",
    "CreativeChange",
    "CreativePage",
    "CreativeStatus",
    "CreativeVersions",
    "DayParts",
    "DayPartsBody",
    "DealAnswer",
    "DealBody",
    "DealPage",
    "DealStatus",
    "DeliveryAnswer",
    "DeliveryDetails",
    "DeliveryPage",
    "DeliveryStatus",
    "DeviceClass",
    "DisputeAnswer",
    "DisputeOutcome",
    "DocumentAnswer",
    "DocumentKind",
    "DocumentPage",
    "Ended",
    "EntryAnswer",
    "EntryAnswerDetails",
    "EntryPage",
    "EpochView",
    "ErasureAnswer",
    "ErasureAnswerBlanked",
    "ErasureAnswerDeleted",
    "ErasureAnswerKept",
    "ErasureAnswerKeptBecause",
    "ErasureBody",
    "ExchangeAnswer",
    "ExchangeBody",
    "ExchangeChange",
    "ExchangeList",
    "ExportAnswer",
    "ExportPage",
    "ExternalDemand",
    "FieldProblem",
    "FilteredAnswer",
    "FilteredAnswerEvents",
    "FlagAnswer",
    "FlagAnswerAmountsMicroUsdc",
    "FlagAnswerEvents",
    "FlagAnswerEvidence",
    "FlagDecision",
    "FlagPage",
    "FlagStatus",
    "ForecastAnswer",
    "ForecastBody",
    "Form",
    "FrequencyCap",
    "FrequencyCapBody",
    "GoalAnswer",
    "GoalBody",
    "GoalChange",
    "GoalCounts",
    "GoalCountsVerdicts",
    "GoalKind",
    "GoalMade",
    "GoalPage",
    "GoalSecretBody",
    "GoalStatus",
    "HeadAnswer",
    "Heard",
    "HowToFund",
    "HowToFundArgs",
    "InvitationAnswer",
    "InvitationBody",
    "InvitationList",
    "KeyAnswer",
    "KeyBody",
    "KeyPage",
    "LineAnswer",
    "LineItemAnswer",
    "LineItemBody",
    "LineItemChange",
    "LineItemExplanation",
    "LineItemPage",
    "LineItemStatus",
    "ListingAnswer",
    "ListingBody",
    "ListingStatus",
    "Me",
    "MemberAnswer",
    "MemberChange",
    "MemberList",
    "MemberRole",
    "Method",
    "Money",
    "MovementAnswer",
    "NetworkAnswer",
    "NetworkBody",
    "NetworkPage",
    "NewKey",
    "NoAdAnswer",
    "NonceAnswer",
    "NoticeAnswer",
    "NoticeAnswerContent",
    "NoticePage",
    "ObjectionBody",
    "OfferedAnswer",
    "OfferedPage",
    "OnrampAnswer",
    "OnrampAnswerTransactionDetails",
    "OnrampBody",
    "OnrampPage",
    "OnrampStatus",
    "OpenedAnswer",
    "OpenedOnrampAnswer",
    "OpenedOnrampAnswerTransactionDetails",
    "OpenrtbBidBody",
    "OpenrtbBidBodyImpItem",
    "OpenrtbBidResponse200",
    "OpenrtbBidResponse200SeatbidItem",
    "OpenrtbBidResponse200SeatbidItemBidItem",
    "OrganisationAnswer",
    "OrganisationBody",
    "Overview",
    "Pacing",
    "PartnerStatus",
    "PaymentAnswer",
    "PaymentBody",
    "PaymentPage",
    "PaymentStatus",
    "PayoutMode",
    "Permission",
    "PlacementAnswer",
    "PlacementBody",
    "PlacementChange",
    "PlacementKind",
    "PlacementPage",
    "PlatformRole",
    "PriceKind",
    "Problem",
    "ProfileAnswer",
    "ProfileBody",
    "Proof",
    "ProofAnswer",
    "ProofBody",
    "ProofWay",
    "PublisherAnswer",
    "PublisherChange",
    "PublisherView",
    "RangeAnswer",
    "ReadAnswer",
    "ReadBody",
    "Readiness",
    "ReadinessChain",
    "ReadinessDatabase",
    "ReadinessRedis",
    "ReasonAnswer",
    "ReconciliationAnswer",
    "ReconciliationAnswerReport",
    "ReconciliationPage",
    "RefundAnswer",
    "RefundBody",
    "RefundStatus",
    "RefusalBody",
    "RejectionReason",
    "ReviewAnswer",
    "ReviewEntryAnswer",
    "ReviewFileAnswer",
    "ReviewPage",
    "RoleAnswer",
    "RoleList",
    "SellerEntry",
    "SellersAnswer",
    "SessionAnswer",
    "SessionItem",
    "SessionList",
    "Settlement",
    "Settlements",
    "ShareBody",
    "Side",
    "SizeBody",
    "SizeRange",
    "Solvency",
    "StatementAnswer",
    "Status",
    "Targeting",
    "TargetingBody",
    "TermsAnswer",
    "TermsPage",
    "Tier",
    "Traffic",
    "TrafficDropped",
    "TrafficNoBids",
    "UnpaidAnswer",
    "UnpaidPlacement",
    "UnpaidPlacementReasons",
    "VerifyBody",
    "VideoEvents",
    "VideoEventsEvents",
    "WebhookAnswer",
    "WebhookBody",
    "WebhookChange",
    "WebhookChangeStatusType0",
    "WebhookPage",
    "WebhookSecretBody",
    "WebhookStatus",
    "WholeDocument",
    "WorldAds",
    "WorldAnswer",
    "WorldBody",
    "WorldCategory",
    "WorldChange",
    "WorldEngine",
    "WorldPage",
)
